"""faq_add: add new originals and duplicates to a matcher."""

from triptych.pipelines.faq_add.pipeline import create_pipeline

__all__ = ["create_pipeline"]
