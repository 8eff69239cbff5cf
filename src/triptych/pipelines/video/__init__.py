"""video: from a landing folder to styled videos."""

from triptych.pipelines.video.pipeline import create_pipeline

__all__ = ["create_pipeline"]
