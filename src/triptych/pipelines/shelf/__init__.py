"""shelf: from annotated photos to a registered detector of empty spaces."""

from triptych.pipelines.shelf.pipeline import create_pipeline

__all__ = ["create_pipeline"]
