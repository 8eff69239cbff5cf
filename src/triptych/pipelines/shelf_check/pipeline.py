"""Wire the check of annotated photos."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC
from triptych.pipelines.shelf.pipeline import LEARNED_FROM, create_preparation
from triptych.pipelines.shelf_check import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that looks at annotated photos without training."""
    settings = [f"params:{name}" for name in ("split", "detector", "training", "check")]
    return Pipeline(
        [
            *create_preparation(),
            Node(
                nodes.check_photos,
                [*LEARNED_FROM, "quarantine", "data_report", *settings],
                ["check_report", "check_findings", "check_sheet", "check_plot"],
                name="check_photos",
                tags=DETERMINISTIC,
            ),
        ],
        namespace="shelf",
    )
