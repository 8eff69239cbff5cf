"""Wire the export of the detector."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.shelf.pipeline import LEARNED_FROM, create_preparation
from triptych.pipelines.shelf_export import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that exports the detector, checked on the test photos."""
    return Pipeline(
        [
            *create_preparation(),
            Node(
                nodes.export_detector,
                [*LEARNED_FROM, "model", "model_registry", "params:registration", "params:export"],
                ["exported", "export_report"],
                name="export_detector",
            ),
        ],
        namespace="shelf",
    )
