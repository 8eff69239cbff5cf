"""`triptych serve`."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import click

from triptych.errors import InputError
from triptych.service.params import Workload

_WORKLOADS = get_args(Workload)
_SHORTEST_TOKEN = 16


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("workloads", nargs=-1, type=click.Choice(_WORKLOADS))
@click.option("--host", help="Address to listen on (service.host); beyond loopback a token is needed.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (service.port); 0 takes a free one.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Host name that requests may be made to; repeatable.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes a model (service.processes).")
@click.option("--token-env", metavar="NAME", help="Variable of the environment that holds the token.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the token.")
@click.option("--env", "environment", default="local", help="Configuration: conf/ENV over conf/base.")
@click.option("--mlflow-uri", help="Registry; by default that of conf/ENV/mlflow.yml.")
@click.option("--style-model", type=click.Path(path_type=Path), help="File of the default style (video).")
@click.option("--log-requests", metavar="FOLDER", help="Log measures of what is asked there (service.log_requests).")
@click.option("--jobs", "with_jobs", is_flag=True, help="Take jobs at /jobs as well, and run them (triptych jobs).")
def serve(
    workloads: tuple[Workload, ...],
    token_env: str | None,
    token_file: Path | None,
    environment: str,
    mlflow_uri: str | None,
    style_model: Path | None,
    with_jobs: bool,
    **options: Any,
) -> None:
    """Serve the promoted models on this machine: all of them, or those that are named."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        token = read_service_token(token_env, token_file)
        run_service(workloads or _WORKLOADS, options, token, environment, mlflow_uri, style_model, with_jobs)
    except InputError as error:
        raise click.ClickException(str(error)) from error


def run_service(
    workloads: tuple[Workload, ...],
    options: dict[str, Any],
    token: str | None,
    environment: str,
    mlflow_uri: str | None,
    style_model: Path | None,
    with_jobs: bool = False,
) -> None:
    """Serve until told to stop.

    Raises:
        InputError: If the settings are wrong, or would let strangers in.
    """
    from triptych.jobs.settings import settings_of
    from triptych.service.app import create_app
    from triptych.service.configuration import read_settings
    from triptych.service.pages.router import make_page_rules, make_pages_router
    from triptych.service.server import check_exposure, make_server, run_server, settle_memory
    from triptych.service.taking_jobs import taking_jobs
    from triptych.service.telemetry import start_exporters

    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if "allow_host" in given:
        given["allowed_hosts"] = given.pop("allow_host")
    settings = read_settings(Path.cwd(), environment, workloads, given, token, mlflow_uri, style_model)
    check_exposure(settings.params, token)
    start_exporters()
    with ExitStack() as stack:
        jobs = settings_of(Path.cwd()) if with_jobs else None
        routers = [make_pages_router(settings.params, jobs)]
        if jobs:
            routers.append(stack.enter_context(taking_jobs(jobs)))
        app = create_app(settings, routers, make_page_rules(settings.params), on_taken=settle_memory)
        run_server(make_server(app, settings.params))


def read_service_token(variable: str | None, file: Path | None) -> str | None:
    """Read the token; a variable is taken out of the environment, which processes that are started would get.

    Raises:
        InputError: If it is missing, or too short to keep anyone out.
    """
    if variable and file:
        raise InputError("give --token-env or --token-file, not both")
    if not variable and not file:
        return None
    where = f"the variable {variable}" if variable else f"{file}"
    given = os.environ.pop(variable, "") if variable else (file.read_text(encoding="utf-8") if file else "")
    token = given.strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise InputError(
            f"{where} must hold at least {_SHORTEST_TOKEN} characters of ASCII: `openssl rand -hex 32` makes a token"
        )
    return token
