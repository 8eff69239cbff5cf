"""`triptych watch`: what lands in folders becomes jobs, and these are run."""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
from itertools import permutations
from pathlib import Path
from typing import Any

import click

from triptych.commands.options import FiniteRange
from triptych.jobs.cli import read_params, stop_on_signals, with_settings

_DEFAULT = "data/landing"
_SECONDS = FiniteRange(0.1)


@click.command()
@click.argument("folders", nargs=-1, metavar="[[KIND=]FOLDER]...")
@click.option("-e", "--env", default="local", show_default=True, help="Environment; azure submits to Azure ML.")
@click.option("--params", default="", help="Of every job, as for kedro run (key=value,...), or JSON.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Put results there too.")
@click.option("--settle", "settle_s", default=2.0, show_default=True, type=FiniteRange(0), help="Seconds.")
@click.option("--gather", "gather_s", default=10.0, show_default=True, type=FiniteRange(0), help="Seconds.")
@click.option("--poll", "poll_s", default=15.0, show_default=True, type=FiniteRange(0.1), help="Seconds.")
@click.option(
    "--check-s", default=120.0, show_default=True, type=_SECONDS, help="To see whether a file opens, at most."
)
@click.option("--check-mb", default=4000.0, show_default=True, type=FiniteRange(500), help="Memory for that.")
@click.option("--once", is_flag=True, help="End when all that is there now has been handled.")
@click.option("--no-work", is_flag=True, help="Only ask for jobs; `triptych jobs work` runs them.")
@with_settings
def watch(folders: tuple[str, ...], once: bool, no_work: bool, **options: Any) -> None:
    """Turn what lands in FOLDERS into jobs, and run them.

    Videos are stylized (video), photos looked at (shelf_score), tables of questions answered (faq_score). KIND=, one of
    videos, photos and questions, says what counts in a folder; without it, all do. Without any folder it is
    data/landing. Files that do not open go to the quarantine in the folder of jobs, with their reason.

    A file counts when it has not changed for --settle seconds; such files wait for --gather seconds for others to go
    into one job with. Folders of which the system gives no news, and those in blob storage (abfs://...), are looked at
    every --poll seconds.
    """
    from triptych.jobs.consumer import Consumer
    from triptych.watcher.watcher import Watcher

    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.INFO, stream=sys.stderr)
    for name in ("huey", "watchfiles"):
        logging.getLogger(name).setLevel(logging.WARNING)
    jobs, settings = _set_up(folders, **options)
    watcher, consumer = Watcher(jobs, settings), Consumer(jobs.settings)
    working = threading.Thread(target=consumer.work, name="consumer")

    stop_on_signals(watcher.stop, consumer.stop)
    is_done = True
    if not no_work:
        working.start()
    try:
        if once:
            is_done = watcher.watch_until_done()
        else:
            watcher.watch()
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(f"what has landed cannot be seen to: {error}") from error
    finally:
        consumer.stop()
        if working.is_alive():
            working.join()
    if not is_done:
        raise click.ClickException("not all that is there could be handled: what failed is tried again by the next")


def _set_up(folders: tuple[str, ...], env: str, params: str, out: Path | None, **options: Any) -> tuple[Any, Any]:
    from triptych.jobs.cli import make_settings
    from triptych.jobs.commands import is_remote_environment
    from triptych.jobs.service import Jobs
    from triptych.watcher.kinds import KINDS
    from triptych.watcher.watcher import WatchSettings

    where = {name: options.pop(name) for name in ("project", "folder", "allow")}
    base = make_settings(**where)
    chosen = _read_folders(folders or (str(base.project / _DEFAULT),), base.project)
    for address in chosen:
        _check_folder(address, base.folder, out)
    if is_remote_environment(base.project, env) and {name for kinds in chosen.values() for name in kinds} != {"videos"}:
        raise click.UsageError(f"--env {env}: only videos can be submitted; name folders as videos=FOLDER")
    settings = base.replace(allowed=(*base.allowed, *(str(base.folder / name) for name in ("intake", "models"))))
    jobs = Jobs(settings)
    parameters = read_params(params) if params else {}
    try:
        for name in sorted({name for kinds in chosen.values() for name in kinds}):
            jobs.check(KINDS[name].pipeline, parameters, env)  # now, and not at the first file
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    given = WatchSettings(chosen, env, parameters, out and out.resolve(), **options)
    return jobs, given


def _read_folders(texts: tuple[str, ...], project: Path) -> dict[str, tuple[str, ...]]:
    """Read what is to be watched; a file must not count twice."""
    chosen: dict[str, tuple[str, ...]] = {}
    for address, kinds in (_read_folder(text, project) for text in texts):
        chosen[address] = tuple(dict.fromkeys((*chosen.get(address, ()), *kinds)))
    for inner, outer in permutations(chosen, 2):
        if inner.startswith(outer.rstrip("/") + "/") and set(chosen[inner]) & set(chosen[outer]):
            raise click.UsageError(f"{inner} lies in {outer}, which is watched with all that is below it")
    return chosen


def _read_folder(text: str, project: Path) -> tuple[str, tuple[str, ...]]:
    """Read `[KIND=]FOLDER`; local ones become absolute, and are made where it is the default one."""
    from triptych.storage.blob_storage import is_remote, local_path
    from triptych.watcher.kinds import KINDS

    kind, _, rest = text.partition("=")
    kinds, address = ((kind,), rest) if kind in KINDS else (tuple(KINDS), text)
    if not address:
        raise click.UsageError(f"{text!r} names no folder")
    if is_remote(address):
        return address.rstrip("/"), kinds
    folder = local_path(address).resolve()
    if folder == project / _DEFAULT:
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise click.UsageError(f"{folder} is no folder; a kind in front of it is one of {', '.join(KINDS)}")
    return str(folder), kinds


def _check_folder(address: str, jobs: Path, out: Path | None) -> None:
    """Refuse to watch what jobs themselves write."""
    for written in filter(None, (jobs, out and out.resolve())):
        if "://" not in address and (written.is_relative_to(address) or Path(address).is_relative_to(written)):
            raise click.UsageError(f"{address} cannot be watched, as jobs write to {written}: take another folder")
