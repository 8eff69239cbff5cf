"""Long runs that go on beside the tests, which mostly use one core: a plugin of conftest.py.

A job is a function of a `Bench` whose result pickles. Those that chosen tests ask for are run one after the other by a
process of their own (python -m tests.background), which is started first; the tests that ask for one come last.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.preloaded.scripts import PreloadedScripts

JOBS = {
    "azure_runs": "tests.azure.test_pipelines_on_azure:run_pipelines",
    "repeated_run": "tests.azure.test_rank_failure:kill_and_repeat",
    "shelf_on_two_ranks": "tests.shared_runs:run_shelf_on_two_ranks",
    "command_lines": "tests.e2e.test_faq_sample:run_command_lines",
}
"""By the name of the fixture that waits for it."""
_PAUSE_S = 0.05
_CLEAN_UP_S = 60
Result = Callable[[str], Any]


@dataclass(frozen=True)
class Bench:
    """What a job has to work with."""

    folder: Path
    """Empty, and the job's own."""
    preloaded: PreloadedScripts
    empty_tracking: Path
    """Database of MLflow's without a run."""
    clips: Path
    """Folder of two short videos."""


def _jobs_of(item: pytest.Item) -> list[str]:
    return [job for job in JOBS if job in getattr(item, "fixturenames", ())]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that wait for a job behind all others."""
    items.sort(key=lambda item: bool(_jobs_of(item)))


@pytest.fixture(scope="session", autouse=True)
def _started(request: pytest.FixtureRequest) -> None:
    if any(_jobs_of(item) for item in request.session.items):
        request.getfixturevalue("background")


@pytest.fixture(scope="session")
def background(
    request: pytest.FixtureRequest,
    preloaded: PreloadedScripts,
    empty_tracking: Path,
    clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Result]:
    """Start the jobs; return a function that waits for the result of one."""
    wanted = {job for item in request.session.items for job in _jobs_of(item)}
    folder = tmp_path_factory.mktemp("background")
    words = [*map(str, (folder, preloaded.folder, empty_tracking, clips)), *(job for job in JOBS if job in wanted)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.background", *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def wait(job: str) -> Any:
        while not (folder / f"{job}.pickle").exists():
            if process.poll() is not None:
                pytest.fail((folder / "log").read_text()[-5000:])
            time.sleep(_PAUSE_S)
        result, error = pickle.loads((folder / f"{job}.pickle").read_bytes())  # noqa: S301 - our own
        if error:
            pytest.fail(error)
        return result

    yield wait
    process.terminate()
    try:
        process.wait(_CLEAN_UP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Run jobs one after the other, and leave the result or the traceback of each."""
    root, preloaded, empty_tracking, clips, *jobs = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what a job has started is then ended by it
    os.nice(5)  # the tests go first
    for job in jobs:
        bench = Bench(Path(root) / job, PreloadedScripts(Path(preloaded)), Path(empty_tracking), Path(clips))
        bench.folder.mkdir()
        module, function = JOBS[job].split(":")
        outcome: tuple[Any, str | None]
        try:
            outcome = getattr(importlib.import_module(module), function)(bench), None
        except Exception:
            outcome = None, traceback.format_exc()
        (Path(root) / f"{job}.part").write_bytes(pickle.dumps(outcome))
        (Path(root) / f"{job}.part").rename(Path(root) / f"{job}.pickle")


if __name__ == "__main__":
    main()
