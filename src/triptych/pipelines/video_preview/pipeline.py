"""Wire the preview of videos in all styles."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import GPU
from triptych.pipelines.video_preview import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline from the landing folder to a sheet of stills and short clips."""
    blocks = ["planning", "style", "smoothing", "encoding", "preview"]
    return Pipeline(
        [
            Node(
                nodes.collect_previewed_videos,
                "preview_landing",
                "preview_sources",
                name="collect_previewed_videos",
            ),
            Node(
                nodes.draw_previews,
                ["preview_sources", "style_model", *(f"params:{block}" for block in blocks)],
                ["preview_sheet", "preview_clips", "preview_notes"],
                name="draw_previews",
                tags=GPU,
            ),
        ],
        namespace="video",
    )
