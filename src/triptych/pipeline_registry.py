"""The pipelines `kedro run --pipelines NAME` knows."""

from pathlib import Path

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

from triptych.parameters.problem import suggest


def register_pipelines() -> dict[str, Pipeline]:
    """Find every pipeline of the project: the packages in `pipelines`.

    Returns:
        Pipelines by name (those asked for on the command line, where that names some); `__default__` is what a bare
        `kedro run` runs.

    Raises:
        ImportError: If one of them cannot be imported.
        ValueError: If one is asked for that there is not.
    """
    try:
        pipelines = find_pipelines(raise_errors=True)
    except ImportError as error:
        if error.__cause__ is not None:
            raise
        # Kedro says of a name that it does not know that it could not be imported.
        wrong = str(error).split("'")[1].rpartition(".")[2]
        known = [path.parent.name for path in Path(__file__).parent.glob("pipelines/*/pipeline.py")]
        raise ValueError(f"there is no pipeline {wrong!r}{suggest(wrong, known)}") from None
    if "__default__" in pipelines:
        pipelines["__default__"] = pipelines["faq"] + pipelines["shelf"] + pipelines["video"]
    return pipelines
