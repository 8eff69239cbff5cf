"""faq_tune: search the settings of faq's ranker and of the reference's method."""

from triptych.pipelines.faq_tune.pipeline import create_pipeline

__all__ = ["create_pipeline"]
