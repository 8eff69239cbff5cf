"""Wire the answering of new questions."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC
from triptych.pipelines.faq_score import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that answers a file of new questions."""
    return Pipeline(
        [
            Node(
                nodes.score_questions,
                ["matcher", "new_questions", "params:scoring"],
                ["matches", "rejected_questions"],
                name="score_questions",
                tags=DETERMINISTIC,
            )
        ],
        namespace="faq",
    )
