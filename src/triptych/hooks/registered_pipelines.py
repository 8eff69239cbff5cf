"""All pipelines of the project, also where Kedro loads only those that are to run."""

from __future__ import annotations

from kedro.pipeline import Pipeline


def load_all_pipelines() -> dict[str, Pipeline]:
    """Return every registered pipeline by name; what `kedro run --pipelines` has asked Kedro for stays as it is."""
    from kedro.framework.project import pipelines

    requested = pipelines._requested_pipelines
    if requested is None:
        return dict(pipelines)
    pipelines.set_requested(None)
    try:
        return dict(pipelines)
    finally:
        pipelines.set_requested(requested)
