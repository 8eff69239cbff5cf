"""faq_score: answer a file of new questions."""

from triptych.pipelines.faq_score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
