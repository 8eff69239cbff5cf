"""The command line of a job, word by word: no shell ever reads it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from triptych.jobs.attempts import Attempt
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, JobRequest

__all__ = ["is_remote_environment", "make_command", "name_remote_job", "write_parameters"]

RESULTS = "results_root"
"""Parameter that says where what a run gives for its user goes."""


def is_remote_environment(project: Path, environment: str) -> bool:
    """Tell whether an environment's runs happen on Azure ML."""
    return (project / "conf" / environment / "azureml.yml").is_file()


def name_remote_job(job: Job) -> str:
    """Give the name that a job has in Azure ML."""
    return f"triptych-{job.id}"


def write_parameters(settings: JobSettings, request: JobRequest, attempt: Attempt) -> Path:
    """Write the parameters as the file that `kedro run --config` reads; no text of theirs is on a command line."""
    parameters = dict(request.parameters)
    if not is_remote_environment(settings.project, request.environment):
        parameters = {RESULTS: str(attempt.results), **parameters}
    path = attempt.folder / "run.json"
    path.write_text(json.dumps({"run": {"params": parameters}}, ensure_ascii=False), encoding="utf-8")
    return path


def make_command(settings: JobSettings, job: Job, request: JobRequest, attempt: Attempt, parameters: Path) -> list[str]:
    """Make the command that does a job.

    Args:
        settings: What jobs may do.
        job: The job.
        request: What is to be run.
        attempt: Of the job.
        parameters: The file with its parameters.
    """
    if settings.command:
        filled = {
            "pipeline": request.pipeline,
            "parameters": str(parameters),
            "results": str(attempt.results),
            "id": job.id,
        }
        return [_fill(word, filled) for word in settings.command]
    if is_remote_environment(settings.project, request.environment):
        text = json.dumps(dict(request.parameters)) if request.parameters else ""
        # By its name Azure ML tells a job that was submitted before: twice the same is one job.
        name = ["--job-name", name_remote_job(job)]
        words = ["azure", "submit", request.pipeline, "--env", request.environment, *name, "--params", text]
        return [sys.executable, "-m", "triptych", *words]
    words = ["run", "--pipelines", request.pipeline, "--env", request.environment, "--config", str(parameters)]
    return [sys.executable, "-m", "kedro", *words]


def _fill(word: str, values: dict[str, Any]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
