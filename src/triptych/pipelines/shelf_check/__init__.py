"""shelf_check: look at annotated photos before anything is trained on them."""

from triptych.pipelines.shelf_check.pipeline import create_pipeline

__all__ = ["create_pipeline"]
