"""Two watchers of one folder, in processes of their own, of which one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.jobs.conftest import read_lines, wait_until
from tests.watcher import watch_process
from tests.watcher.conftest import draw
from triptych.jobs.store import JobStore
from triptych.watcher.ledger import LandedLedger


def start(folder: Path) -> subprocess.Popen[bytes]:
    own = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'none.db'}"}
    return subprocess.Popen([sys.executable, watch_process.__file__, str(folder)], env={**os.environ, **own})


@pytest.fixture
def processes(tmp_path: Path, landing: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [start(tmp_path) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def drop(landing: Path, part: str) -> set[str]:
    names = {f"{part}-{number}.png" for number in range(8)}
    for number, name in enumerate(sorted(names)):
        draw(landing / f".{name}", number).rename(landing / name)
    return names


@pytest.mark.slow
def test_each_file_is_handled_once_although_a_watcher_is_killed(
    processes: list[subprocess.Popen[bytes]], landing: Path, tmp_path: Path
) -> None:
    ledger, first, second = tmp_path / "ledger", *processes
    dropped = drop(landing, "both")
    wait_until(lambda: dropped <= set(read_lines(ledger)), 60)
    kill_amid(first, dropped, landing, tmp_path)
    wait_until(lambda: dropped <= set(read_lines(ledger)), 60)  # by the second alone
    kill_amid(second, dropped, landing, tmp_path)
    processes.append(start(tmp_path))
    wait_until(lambda: dropped <= set(read_lines(ledger)), 60)
    wait_until(lambda: {job.state for job in JobStore(tmp_path / "jobs").list()} == {"completed"})
    assert sorted(read_lines(ledger)) == sorted(dropped)  # each once


def kill_amid(process: subprocess.Popen[bytes], dropped: set[str], landing: Path, folder: Path) -> None:
    """Kill a watcher when some files are claimed or handled, and others are on their way."""
    known = len(dropped)
    dropped |= drop(landing, f"before-{process.pid}")
    wait_until(lambda: LandedLedger(folder / "jobs").list("open") or len(read_lines(folder / "ledger")) > known, 60)
    process.kill()
    dropped |= drop(landing, f"after-{process.pid}")
