"""Wire the answering of new questions."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.faq_score import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that answers a file of new questions."""
    return Pipeline(
        [
            Node(
                nodes.score_questions,
                ["matcher", "new_questions", "request_log", "params:scoring"],
                ["matches", "rejected_questions"],
                name="score_questions",
            )
        ],
        namespace="faq",
    )
