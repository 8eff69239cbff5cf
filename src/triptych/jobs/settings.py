"""What jobs may do, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr

from triptych.parameters.base import Params

__all__ = ["JobParams", "JobSettings", "settings_of"]


class JobParams(Params):
    """What is kept of jobs that have ended: folders, uploads, the quarantine; of those that wait or run, all is."""

    keep_days: NonNegativeFloat = 30.0
    """Days for which it is kept; 0: for ever."""
    max_kept_mb: NonNegativeFloat = 0.0
    """Size of all of it, in millions of bytes; the oldest goes first, nothing within an hour. 0: no limit."""


class JobSettings(JobParams):
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

    @property
    def uploads(self) -> Path:
        """Where what people give is kept, each in a folder of its own."""
        return self.folder.parent / "uploads"


def settings_of(project: Path, folder: Path | None = None, allowed: tuple[str, ...] = ()) -> JobSettings:
    """Make the settings of a project.

    Args:
        project: Its folder.
        folder: Where jobs are kept; `data/jobs` of the project if not given.
        allowed: Folders and addresses besides the project's `data`.

    Raises:
        ValueError: If the folder holds no project, or `jobs.yml` in its configuration is wrong.
    """
    project = project.resolve()
    if not (project / "conf" / "base").is_dir():
        raise ValueError(f"{project} is not the project: go to the folder that holds conf/, or name it")
    places = (str(project / "data"), *allowed)
    where = (folder or project / "data" / "jobs").resolve()
    return JobSettings(project=project, folder=where, allowed=places, **_read_params(project / "conf").model_dump())


def _read_params(conf: Path) -> JobParams:
    """Read the block `jobs` of the configuration; conf/local goes before conf/base."""
    import yaml

    files = [path for path in (conf / "base" / "jobs.yml", conf / "local" / "jobs.yml") if path.is_file()]
    values: dict[str, Any] = {}
    try:
        for path in files:
            values |= (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("jobs") or {}
        return JobParams.read(values, "jobs")
    except (ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ValueError(f"{', '.join(map(str, files))}: {error}") from error
