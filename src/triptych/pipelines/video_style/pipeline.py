"""Wire the training of a style."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC, GPU
from triptych.pipelines.video_style import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline that trains a style network from a picture."""
    return Pipeline(
        [
            Node(
                nodes.train_style_network,
                ["style_image", "style_photos", "params:style_training"],
                ["style_network", "style_metrics", "style_log", "style_plot", "style_preview"],
                name="train_style_network",
                tags=GPU | DETERMINISTIC,
            )
        ],
        namespace="video",
    )
