"""The pipelines `kedro run --pipelines NAME` knows."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Find every pipeline of the project: the packages in `pipelines`.

    Returns:
        Pipelines by name (those asked for on the command line, where that names some); `__default__` is what a bare
        `kedro run` runs.
    """
    pipelines = find_pipelines(raise_errors=True)
    if "__default__" in pipelines:
        pipelines["__default__"] = pipelines["faq"] + pipelines["shelf"] + pipelines["video"]
    return pipelines
