"""`triptych azure`: look before anything is submitted; and submit, from a schedule."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from triptych.azure.compilation import Workbench
    from triptych.azure.job_view import JobView
    from triptych.azure.needs import Needs

_ENVIRONMENT = click.option("-e", "--env", default="azure", show_default=True, help="Environment with an azureml.yml.")
_PARAMS = click.option("--params", default="", help="As for kedro run (key=value,...), or JSON.")
_ONLINE = click.option("--online", is_flag=True, help="Ask the workspace as well, with your identity.")


@click.group(name="azure")
def azure() -> None:
    """Check, count, configure and watch what goes to Azure ML; only `submit` submits."""


@azure.command()
@click.argument("names", nargs=-1, metavar="[PIPELINE]...")
@_ENVIRONMENT
@_PARAMS
@_ONLINE
def check(names: tuple[str, ...], env: str, params: str, online: bool) -> None:
    """Compile pipelines (all, if none is named), and refuse those that would fail on Azure ML.

    `__default__`, all workloads in one, is looked at only when it is named: its outputs are more than one job may have.
    """
    from triptych.azure.faults import find_faults
    from triptych.azure.images import find_unpinned_images
    from triptych.azure.needs import list_needs
    from triptych.azure.snapshots import find_snapshot_faults

    faults = {"snapshot": find_snapshot_faults(Path.cwd())}
    with _open(env, params) as bench:
        for name in _choose(names, bench.pipelines):
            faults[name] = find_faults(bench, name)
            if online and not faults[name]:
                faults[name] = _ask_workspace(bench, list_needs(bench, bench.compile(name)))
    for name, found in faults.items():
        click.echo(f"{name}: {'ok' if not found else ''}")
        for fault in found:
            click.secho(f"  - {fault}", fg="red")
    for line in find_unpinned_images(Path.cwd()):
        click.secho(f"warning: {line}", fg="yellow", err=True)
    if any(faults.values()):
        sys.exit(1)


@azure.command()
@click.argument("name", metavar="PIPELINE")
@_ENVIRONMENT
@_PARAMS
@_ONLINE
def preflight(name: str, env: str, params: str, online: bool) -> None:
    """Print what a pipeline needs: steps, clusters, nodes, data, snapshot."""
    from triptych.azure.needs import list_needs
    from triptych.azure.report import describe_needs
    from triptych.azure.snapshots import take_stock

    with _open(env, params) as bench:
        (name,) = _choose((name,), bench.pipelines)
        needs = list_needs(bench, bench.compile(name))
        click.echo(describe_needs(name, needs, take_stock(Path.cwd())))
        missing = _ask_workspace(bench, needs) if online else []
    for line in missing:
        click.secho(f"missing: {line}", fg="red")
    if missing:
        sys.exit(1)


@azure.command()
@click.argument("name", metavar="PIPELINE")
@_ENVIRONMENT
@_PARAMS
@click.option("--aml-env", default=None, help="Azure ML environment of the steps, NAME:VERSION.")
@click.option("--job-name", default=None, help="Name of the job; of one that is there, nothing is submitted again.")
def submit(name: str, env: str, params: str, aml_env: str | None, job_name: str | None) -> None:
    """Submit a pipeline with the latest data, as the jobs of schedules do; by hand, take `kedro azureml run`."""
    from triptych.azure.compilation import QuoteError
    from triptych.azure.submission import connect_as_node
    from triptych.azure.submission import submit as send

    with _open(env, params) as bench:
        (name,) = _choose((name,), bench.pipelines)
        try:
            job = send(bench, name, connect_as_node(bench.config), aml_env, job_name)
        except QuoteError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{name}: {job.name} {job.studio_url}")


@azure.command()
@click.argument("name", metavar="JOB")
@_ENVIRONMENT
@click.option("--once", is_flag=True, help="Show it as it is now, and end.")
@click.option("--every", "every_s", default=15.0, show_default=True, type=click.FloatRange(1), help="Seconds.")
def watch(name: str, env: str, once: bool, every_s: float) -> None:
    """Show the steps of a job: state, nodes, time, figures, last line of the log, until it ends.

    Ends with 1 if the job has not completed.
    """
    from azure.core.exceptions import AzureError
    from rich.console import Console

    from triptych.azure.run_view import follow, to_table

    console = Console()
    with _open(env, "") as bench:
        try:
            read = _make_reader(bench, name)
            if once:
                job = read()
                console.print(to_table(job))
            else:
                job = follow(read, console, every_s)
        except LookupError as error:
            raise click.ClickException(str(error)) from error
        except AzureError as error:
            raise click.ClickException(f"Azure ML did not answer: {error}") from error
        except KeyboardInterrupt:
            click.echo(f"{name} goes on without you; az ml job cancel --name {name} would end it")
            return
    if job.ended and job.state != "Completed":
        sys.exit(1)


@azure.command()
@click.argument("name", metavar="PIPELINE")
@_ENVIRONMENT
@_PARAMS
@click.option("--plan", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Prices and times, as YAML.")
def cost(name: str, env: str, params: str, plan: Path | None) -> None:
    """Add up the node hours of a pipeline, and what they cost at the prices of a file of yours.

    The file may hold `currency`, `prices` (by cluster: `dedicated`, `low_priority`, of a node and an hour), `minutes`
    (by step) and `other_minutes` (of those not named).
    """
    from triptych.azure.costs import PlanFile, describe_costs, read_plan_file
    from triptych.azure.needs import list_needs

    with _open(env, params) as bench:
        (name,) = _choose((name,), bench.pipelines)
        needs = list_needs(bench, bench.compile(name))
    try:
        given = read_plan_file(plan, needs) if plan else PlanFile()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(describe_costs(name, needs, given))


@azure.command("pack-styles")
@click.argument("style_model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("example", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def pack_styles(style_model: Path, example: Path, folder: Path) -> None:
    """Write STYLE_MODEL and the styles beside it to FOLDER, as a model that an online endpoint serves.

    EXAMPLE is a picture that goes along as one.
    """
    from triptych.serving.video_export import save_video_model

    try:
        save_video_model(style_model, example, folder)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {', '.join(sorted(path.stem for path in style_model.parent.glob('*.pth')))}")


@azure.command()
@click.argument("outputs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_ENVIRONMENT
def configure(outputs: Path, env: str) -> None:
    """Put the names of a deployment (its OUTPUTS as JSON) into the environment's globals.yml."""
    from triptych.azure.deployment import adopt_outputs, read_outputs

    target = Path("conf") / env / "globals.yml"
    try:
        changed = adopt_outputs(target, read_outputs(outputs))
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{target}: {', '.join(changed) or 'nothing'} changed")


@contextmanager
def _open(env: str, params: str) -> Iterator[Workbench]:
    """Load the environment; what is wrong with it is shown as a message, not as a traceback."""
    from kedro.framework.cli.project import run
    from kedro.framework.startup import bootstrap_project

    from triptych.azure.compilation import open_workbench
    from triptych.parameters import ParametersError

    project = Path.cwd()
    if not (project / "conf").is_dir():
        raise click.ClickException(f"{project} is not the project: go to the folder that holds conf/")
    bootstrap_project(project)
    runtime = _read_json(params)
    if runtime is None:
        runtime = run.make_context("triptych azure", ["--params", params]).params["params"]
    with ExitStack() as stack:
        try:
            bench = stack.enter_context(open_workbench(project, env, runtime))
        except (ParametersError, ValueError) as error:
            raise click.ClickException(str(error)) from error
        yield bench


def _read_json(params: str) -> dict[str, Any] | None:
    """Read parameters as `kedro azureml run` takes them; nothing, where they are as `kedro run` takes them."""
    if not params.lstrip().startswith("{"):
        return None
    try:
        found: dict[str, Any] = json.loads(params)
    except ValueError as error:
        raise click.ClickException(f"--params is no JSON: {error}") from error
    return found


def _choose(names: tuple[str, ...], pipelines: dict[str, Any]) -> list[str]:
    for name in names:
        if name not in pipelines:
            raise click.ClickException(f"there is no pipeline {name}: there are {', '.join(sorted(pipelines))}")
    return list(names or (name for name in pipelines if name != "__default__"))


def _make_reader(bench: Workbench, name: str) -> Callable[[], JobView]:
    from mlflow import MlflowClient

    from triptych.azure.watching import read_job
    from triptych.azure.workspace import connect

    client = connect(bench.config)
    address = client.workspaces.get(bench.config.azure.workspace_name).mlflow_tracking_uri
    tracking = MlflowClient(address)
    return lambda: read_job(client, tracking, name)


def _ask_workspace(bench: Workbench, needs: Needs) -> list[str]:
    from triptych.azure.workspace import connect, find_missing

    return find_missing(connect(bench.config), needs)
