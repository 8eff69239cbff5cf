"""Wire the comparison of new photos with those of the data."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import VERDICT
from triptych.pipelines.shelf_drift import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that reports drift of the photos, and fails on it."""
    return Pipeline(
        [
            Node(
                nodes.read_asked_photos,
                ["request_log", "params:drift"],
                "asked_photos",
                name="read_asked_photos",
            ),
            Node(
                nodes.compare_photos,
                ["drift_reference", "asked_photos", "params:drift"],
                ["drift", "drift_metrics", "drift_plot"],
                name="compare_photos",
            ),
            Node(nodes.judge_photos, ["drift", "params:drift"], None, name="judge_photos", tags=VERDICT),
        ],
        namespace="shelf",
    )
