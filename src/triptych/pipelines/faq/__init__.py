"""faq: from raw posts to a registered model that finds the original of a new question."""

from triptych.pipelines.faq.pipeline import create_pipeline

__all__ = ["create_pipeline"]
