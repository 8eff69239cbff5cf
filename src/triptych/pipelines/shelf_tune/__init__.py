"""shelf_tune: search the settings of shelf's detector and its training."""

from triptych.pipelines.shelf_tune.pipeline import create_pipeline

__all__ = ["create_pipeline"]
