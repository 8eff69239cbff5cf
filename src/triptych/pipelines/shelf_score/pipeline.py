"""Wire the scoring of new photos."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import GPU
from triptych.pipelines.shelf_score import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that finds the empty spaces on a folder of new photos."""
    return Pipeline(
        [
            Node(
                nodes.score_photos,
                ["model", "new_photos", "scored", "params:scoring"],
                "scoring_report",
                name="score_photos",
                tags=GPU,
            ),
            Node(
                nodes.collect_detections,
                ["model", "new_photos", "scored", "scoring_report", "request_log", "params:scoring"],
                ["new_detections", "new_counts", "rejected_photos", "new_overlays"],
                name="collect_detections",
            ),
        ],
        namespace="shelf",
    )
