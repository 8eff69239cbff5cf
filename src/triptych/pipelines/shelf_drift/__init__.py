"""shelf_drift: compare new photos with those of the data."""

from triptych.pipelines.shelf_drift.pipeline import create_pipeline

__all__ = ["create_pipeline"]
