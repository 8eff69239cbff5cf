"""shelf_score: find the empty spaces on a folder of new photos."""

from triptych.pipelines.shelf_score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
