"""Watchers of small folders whose jobs are a line of shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.jobs.conftest import make_settings
from triptych.jobs.service import Jobs
from triptych.jobs.settings import JobSettings
from triptych.watcher.checking import FileChecker
from triptych.watcher.kinds import KINDS
from triptych.watcher.watcher import Watcher, WatchSettings

__all__ = ["make_settings"]

MakeWatcher = Callable[..., Watcher]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def checker() -> Iterator[FileChecker]:
    """Look at the files of all tests, as its process takes a second to start."""
    kept = FileChecker()
    yield kept
    kept.close()


@pytest.fixture
def make_watcher(
    landing: Path, project: Path, checker: FileChecker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MakeWatcher:
    """Return a function that makes a watcher of the landing folder, for which a file is whole at once.

    No model is promoted.
    """
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")

    def make(settings: JobSettings, **changes: Any) -> Watcher:
        values = {"folders": {str(landing): tuple(KINDS)}, "settle_s": 0.0, "gather_s": 0.0, "poll_s": 0.05, **changes}
        return Watcher(Jobs(settings), WatchSettings(**values), checker)

    return make


def draw(path: Path, shade: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(path)
    return path
