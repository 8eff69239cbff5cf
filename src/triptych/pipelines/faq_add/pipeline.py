"""Wire the adding of questions to a matcher."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.faq_add import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that adds a file of questions to the matcher."""
    return Pipeline(
        [
            Node(
                nodes.add_questions,
                ["matcher", "additions", "params:addition", "params:retrieval"],
                ["grown_matcher", "addition_report", "rejected_additions"],
                name="add_questions",
            )
        ],
        namespace="faq",
    )
