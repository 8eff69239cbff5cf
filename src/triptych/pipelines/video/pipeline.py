"""Wire the video workload: from a landing folder to styled videos."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC, GPU, VERDICT
from triptych.pipelines.video import nodes

_SOURCES = ["sources", "normalised", "plan"]


def create_pipeline() -> Pipeline:
    """Create the pipeline from new videos in the landing folder to the styled ones and their report."""
    return Pipeline(
        [
            Node(nodes.collect_videos, "landing", "sources", name="collect_videos"),
            Node(
                nodes.plan_segments,
                ["sources", "style_model", "params:planning", "params:style", "params:smoothing"],
                ["plan", "normalised"],
                name="plan_segments",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.stylize_segments,
                [*_SOURCES, "style_model", "segments", "params:style", "params:smoothing", "params:encoding"],
                "stylizing_report",
                name="stylize_segments",
                tags=GPU,
            ),
            Node(
                nodes.restitch_videos,
                ["sources", "plan", "segments", "stylizing_report", "params:encoding"],
                ["finished", "results"],
                name="restitch_videos",
            ),
            Node(
                nodes.report_videos,
                [*_SOURCES, "finished", "results", "stylizing_report", "records", "params:report"],
                # Saved in this order: they are done when everything about them is there.
                ["metrics", "videos", "contact_sheet", "before_after", "quarantine", "confirmed"],
                name="report_videos",
            ),
            Node(nodes.check_outcome, "metrics", None, name="check_outcome", tags=VERDICT),
        ],
        namespace="video",
    )
