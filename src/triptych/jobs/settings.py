"""What jobs may do, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr

from triptych.parameters.base import Params

__all__ = ["JobSettings", "settings_of"]


class JobSettings(Params):
    """What jobs may do, and where they are kept."""

    project: Path
    """The project's folder, which holds `conf/`."""
    folder: Path
    """Where jobs are kept: a database, and a folder for each. On a disk of this machine, not on a network share."""
    allowed: tuple[str, ...]
    """Folders, and addresses in blob storage, that paths among the parameters of a job may lie in."""
    environments: Annotated[tuple[str, ...], Field(min_length=1)] = ("local", "azure")
    """Environments that may be asked for; one with an azureml.yml submits to Azure ML."""
    most_queued: PositiveInt = 100
    """Jobs that may wait; more are refused."""
    most_attempts: PositiveInt = 2
    """How often a job is begun that was killed with the machine; one that ended by itself is never repeated."""
    timeout_s: NonNegativeFloat = 86_400.0
    """A job that takes longer is ended, and has failed; 0: no limit."""
    grace_s: PositiveFloat = 10.0
    """What a job that is ended gets to come to its end by itself."""
    poll_s: PositiveFloat = 0.5
    """How often the consumer looks for jobs, for their end and for cancellations."""
    token: SecretStr | None = None
    """What requests over HTTP have to bring (`Authorization: Bearer`); None: nothing."""
    command: tuple[str, ...] = ()
    """What runs in the place of `kedro run ...`, with `{pipeline}`, `{parameters}` (a file), `{results}` and `{id}`
    filled in; empty: `kedro run`."""


def settings_of(project: Path, folder: Path | None = None, allowed: tuple[str, ...] = ()) -> JobSettings:
    """Make the settings of a project.

    Args:
        project: Its folder.
        folder: Where jobs are kept; `data/jobs` of the project if not given.
        allowed: Folders and addresses besides the project's `data`.

    Raises:
        ValueError: If the folder holds no project.
    """
    project = project.resolve()
    if not (project / "conf" / "base").is_dir():
        raise ValueError(f"{project} is not the project: go to the folder that holds conf/, or name it")
    places = (str(project / "data"), *allowed)
    return JobSettings(project=project, folder=(folder or project / "data" / "jobs").resolve(), allowed=places)
