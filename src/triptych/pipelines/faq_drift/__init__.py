"""faq_drift: compare what is asked with the questions of the data."""

from triptych.pipelines.faq_drift.pipeline import create_pipeline

__all__ = ["create_pipeline"]
