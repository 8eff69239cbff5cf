"""video_preview: what videos would look like in each style."""

from triptych.pipelines.video_preview.pipeline import create_pipeline

__all__ = ["create_pipeline"]
