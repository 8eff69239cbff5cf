"""shelf_export: the detector as files that run without PyTorch and this project."""

from triptych.pipelines.shelf_export.pipeline import create_pipeline

__all__ = ["create_pipeline"]
