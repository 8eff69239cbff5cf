"""video_style: train a style network from a picture."""

from triptych.pipelines.video_style.pipeline import create_pipeline

__all__ = ["create_pipeline"]
