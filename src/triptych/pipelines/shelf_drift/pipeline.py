"""Wire the comparison of new photos with those of the data."""

from kedro.pipeline import Pipeline

from triptych.drift.pipeline import create_comparison


def create_pipeline() -> Pipeline:
    """Create the pipeline that reports drift of the photos, and fails on it."""
    return create_comparison("shelf")
