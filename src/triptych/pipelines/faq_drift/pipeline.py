"""Wire the comparison of what is asked with the questions of the data."""

from kedro.pipeline import Pipeline

from triptych.drift.pipeline import create_comparison


def create_pipeline() -> Pipeline:
    """Create the pipeline that reports drift of the questions, and fails on it."""
    return create_comparison("faq")
