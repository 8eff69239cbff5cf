"""Wire the comparison of what is asked with the questions of the data."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import VERDICT
from triptych.pipelines.faq_drift import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that reports drift of the questions, and fails on it."""
    return Pipeline(
        [
            Node(
                nodes.read_asked_questions,
                ["request_log", "params:drift"],
                "asked_questions",
                name="read_asked_questions",
            ),
            Node(
                nodes.compare_questions,
                ["drift_reference", "asked_questions", "params:drift"],
                ["drift", "drift_metrics", "drift_plot"],
                name="compare_questions",
            ),
            Node(nodes.judge_questions, ["drift", "params:drift"], None, name="judge_questions", tags=VERDICT),
        ],
        namespace="faq",
    )
