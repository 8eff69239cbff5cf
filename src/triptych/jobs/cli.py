"""`triptych jobs`: ask for runs, look at them, run them."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triptych.commands.options import FiniteRange

if TYPE_CHECKING:
    from triptych.jobs.service import Jobs
    from triptych.jobs.settings import JobSettings
    from triptych.jobs.store import Job

__all__ = ["jobs", "make_settings", "read_params", "stop_on_signals", "with_settings"]

_STATES = ("queued", "running", "completed", "submitted", "failed", "cancelled", "interrupted")
_FOLLOW_S = 0.5
_FOLDER_HELP = "Where jobs are kept. [default: data/jobs of the project]"
_ALLOW_HELP = "A folder or address besides data/ that parameters may name; may be repeated."


class _TryLaterError(click.ClickException):
    exit_code = 75  # sysexits.h: EX_TEMPFAIL


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where jobs are, and show what is wrong there as a line."""
    folder = click.Path(file_okay=False, path_type=Path)
    options = (
        click.option("--project", type=folder, default=Path(), help="The folder that holds conf/. [default: here]"),
        click.option("--folder", type=folder, envvar="TRIPTYCH_JOBS", help=_FOLDER_HELP),
        click.option("--allow", multiple=True, envvar="TRIPTYCH_JOBS_ALLOW", help=_ALLOW_HELP),
    )

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> Any:
        from triptych.errors import InputError

        try:
            return command(*args, **values)
        except InputError as error:
            raise click.ClickException(str(error)) from error
        except sqlite3.Error as error:
            raise click.ClickException(f"the database of jobs cannot be used: {error}") from error

    for option in reversed(options):
        run = option(run)
    return run


@click.group(name="jobs")
def jobs() -> None:
    """Ask for runs of pipelines, look at them, and run them one by one."""


@jobs.command()
@click.argument("pipeline")
@click.option("-e", "--env", default="local", show_default=True, help="Environment; azure submits to Azure ML.")
@click.option("--params", default="", help="As for kedro run (key=value,...), or JSON.")
@click.option("--key", default=None, help="Idempotency key: the same one again gives the same job.")
@with_settings
def submit(pipeline: str, env: str, params: str, key: str | None, **where: Any) -> None:
    """Ask for a run of PIPELINE; print the id of the job."""
    from triptych.jobs.store import QueueFullError

    try:
        job, _ = _open(**where).submit(pipeline, read_params(params), env, key)
    except QueueFullError as error:
        raise _TryLaterError(str(error)) from error
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(job.id)


@jobs.command(name="list")
@click.option("--state", type=click.Choice(_STATES), default=None, help="Only those in this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings
def list_jobs(state: str | None, limit: int, as_json: bool, **where: Any) -> None:
    """List jobs, the newest first."""
    found = _open(**where).list(state, limit)
    if as_json:
        click.echo(json.dumps([_to_json(job) for job in found], indent=1))
        return
    for job in found:
        click.echo(f"{job.id}  {job.state:<11}  {job.pipeline:<13}  {_age(job)}  {job.reason[:80]}".rstrip())


@jobs.command()
@click.argument("job_id", metavar="JOB")
@with_settings
def show(job_id: str, **where: Any) -> None:
    """Show a job as JSON: state, progress, results."""
    opened = _open(**where)
    job = _find(opened, job_id)
    results = [str(path) for path in opened.list_results(job).values()]
    shown = {**_to_json(job), "progress": asdict(opened.read_progress(job)), "results": results}
    click.echo(json.dumps(shown, indent=1))


@jobs.command()
@click.argument("job_id", metavar="JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended; end with 1 if it has failed.")
@with_settings
def log(job_id: str, follow: bool, **where: Any) -> None:
    """Print the log of a job."""
    opened = _open(**where)
    attempts, offset = -1, 0
    while True:
        job = _find(opened, job_id)
        if job.attempts != attempts:  # it was begun again
            attempts, offset = job.attempts, 0
        while text := opened.read_log(job, offset):
            offset += len(text)
            click.echo(text.decode("utf-8", "replace"), nl=False)
        if job.has_ended or not follow:
            break
        time.sleep(_FOLLOW_S)
    if follow and job.state == "submitted":
        click.echo(job.reason, err=True)
    elif follow and job.state != "completed":
        raise click.ClickException(f"{job.id} is {job.state}: {job.reason}")


@jobs.command()
@click.argument("job_id", metavar="JOB")
@with_settings
def cancel(job_id: str, **where: Any) -> None:
    """End a job: at once if it waits, soon if it runs."""
    job = _open(**where).cancel(job_id)
    if job is None:
        raise click.ClickException(f"there is no job {job_id}")
    asked = " (its end is asked for)" if job.state == "running" else ""
    click.echo(f"{job.id}: {job.state}{asked}")


@jobs.command()
@click.option("--until-idle", is_flag=True, help="End when no job waits any more.")
@with_settings
def work(until_idle: bool, **where: Any) -> None:
    """Run jobs, one at a time, until this is ended; a run under way goes on then, and is taken up by the next."""
    from triptych.jobs.consumer import Consumer

    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("huey").setLevel(logging.WARNING)
    consumer = Consumer(make_settings(**where))
    stop_on_signals(consumer.stop)
    consumer.work(until_idle)


def stop_on_signals(*stops: Callable[[], None]) -> None:
    """Call what ends a loop on SIGTERM and SIGINT.

    In a thread: a handler runs in the middle of whatever the main thread does, which may hold the lock of the very
    event that is to be set.
    """

    def handle(*_: Any) -> None:
        for stop in stops:
            threading.Thread(target=stop).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


@jobs.command()
@click.option("--keep-days", type=FiniteRange(0), help="Instead of jobs.keep_days in conf.")
@click.option("--max-kept-mb", type=FiniteRange(0), help="Instead of jobs.max_kept_mb in conf.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only print what would go.")
@with_settings
def clean(keep_days: float | None, max_kept_mb: float | None, is_dry: bool, **where: Any) -> None:
    """Remove what is kept no longer of jobs that have ended, and print it; whatever runs jobs does so every hour."""
    from triptych.jobs.cleaning import clean as remove
    from triptych.jobs.store import JobStore

    given = {"keep_days": keep_days, "max_kept_mb": max_kept_mb}
    settings = make_settings(**where).replace(**{name: value for name, value in given.items() if value is not None})
    for path in remove(settings, JobStore(settings.folder), is_dry):
        click.echo(os.fsencode(path))


def make_settings(project: Path, folder: Path | None, allow: tuple[str, ...]) -> JobSettings:
    """Make the settings that the options of `with_settings` say."""
    from triptych.jobs.settings import settings_of

    try:
        return settings_of(project, folder, allow)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _open(**where: Any) -> Jobs:
    from triptych.jobs.service import Jobs

    return Jobs(make_settings(**where))


def _find(opened: Jobs, job_id: str) -> Job:
    job = opened.find(job_id)
    if job is None:
        raise click.ClickException(f"there is no job {job_id}: `triptych jobs list` has them")
    return job


def read_params(params: str) -> dict[str, Any]:
    """Read parameters as `kedro run` takes them, or JSON."""
    if params.lstrip().startswith("{"):
        try:
            found: dict[str, Any] = json.loads(params)
        except ValueError as error:
            raise click.ClickException(f"--params is no JSON: {error}") from error
        return found
    from kedro.framework.cli.project import run

    read: dict[str, Any] = run.make_context("triptych jobs", ["--params", params]).params["params"]
    return read


def _to_json(job: Job) -> dict[str, Any]:
    try:
        parameters = json.loads(job.parameters)
    except ValueError:  # a damaged record
        parameters = job.parameters
    return {**asdict(job), "parameters": parameters}


def _age(job: Job) -> str:
    end_s = job.ended_s or time.time()
    return f"{max(0, end_s - (job.started_s or end_s)):8.1f} s"
