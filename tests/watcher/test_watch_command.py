"""`triptych watch` as a user has it: a video dropped into a folder comes out painted, with no further command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from tests.jobs.conftest import wait_until
from tests.video.clips import short_clip
from tests.video.styles import save_style
from triptych.__main__ import COMMANDS
from triptych.jobs.service import Jobs
from triptych.jobs.settings import settings_of
from triptych.watcher.cli import _read_folders, watch

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def small_project(tmp_path: Path, empty_tracking: Path) -> Path:
    """Return a project of its own with the settings of tests, as its runs write into it."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    shutil.copytree(ROOT / "conf" / "test", folder / "conf" / "local")
    shutil.copytree(ROOT / "src" / "triptych", folder / "src" / "triptych")  # Kedro takes no link
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(empty_tracking, folder)
    (folder / "data").mkdir()
    return folder


@pytest.fixture
def start(small_project: Path) -> Iterator[Any]:
    processes: list[subprocess.Popen[bytes]] = []

    def run(*words: str | Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "triptych", "watch", "--settle", "0.3", "--gather", "1", *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(small_project / "src")}
        del environment["KEDRO_LOGGING_CONFIG"]  # as a user has it: that of the project
        processes.append(subprocess.Popen(command, cwd=small_project, env=environment))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_video_comes_out_painted_and_a_poison_file_ends_in_quarantine(
    start: Any, small_project: Path, tmp_path: Path
) -> None:
    style = save_style(small_project / "data", 1)
    landing, out = small_project / "data" / "landing", tmp_path / "out"
    process = start("--params", f"style_model={style}", "--out", out)
    wait_until(landing.is_dir, 60)
    short_clip(tmp_path / "clip.mp4", frames=6).rename(landing / "clip.mp4")
    (landing / "poison.mp4").write_text("no video")
    wait_until(lambda: (out / "clip.mp4").exists() or process.poll() is not None, 240)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with av.open(str(out / "clip.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    jobs = Jobs(settings_of(small_project))
    (job,) = jobs.list()
    progress = jobs.read_progress(job)
    assert (job.state, job.attempts, progress.steps_done, progress.steps) == ("completed", 1, 6, 6)
    quarantine = small_project / "data" / "jobs" / "quarantine" / "videos"
    assert sorted(path.name for path in quarantine.iterdir()) == ["poison.mp4", "poison.mp4.reason.txt"]
    assert "no video file" in (quarantine / "poison.mp4.reason.txt").read_text()


def call(small_project: Path, *words: str | Path, code: int) -> str:
    result = CliRunner().invoke(watch, [*map(str, words), "--project", str(small_project)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_what_is_wrong_is_said_at_the_start(small_project: Path, tmp_path: Path) -> None:
    assert COMMANDS["watch"] == "triptych.watcher.cli:watch"
    landing = tmp_path / "landing"
    landing.mkdir()
    (tmp_path / "out").mkdir()
    assert "is no folder" in call(small_project, "fotos=/tmp", code=2)
    assert "cannot be watched, as jobs write to" in call(small_project, small_project / "data", code=2)
    assert "cannot be watched" in call(small_project, tmp_path / "out", "--out", tmp_path, code=2)
    assert "only videos can be submitted" in call(small_project, landing, "--env", "azure", code=2)
    (landing / "below").mkdir()
    nested = (f"photos={landing}", landing / "below")
    assert f"{landing / 'below'} lies in {landing}" in call(small_project, *nested, code=2)
    assert "'videos=' names no folder" in call(small_project, "videos=", code=2)
    assert "did you mean 'strength'" in call(small_project, landing, "--params", "video.style.stren=1", code=1)


def test_a_folder_may_be_named_once_for_each_kind(project: Path, tmp_path: Path) -> None:
    texts = (f"videos={tmp_path}", f"photos={tmp_path}/", f"photos={tmp_path}")
    assert _read_folders(texts, project) == {str(tmp_path): ("videos", "photos")}


def test_once_ends_when_all_is_handled(small_project: Path, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "poison.csv").write_text("")
    call(small_project, landing, "--once", "--settle", "0", "--gather", "0", code=0)
    (reason,) = (small_project / "data" / "jobs" / "quarantine").rglob("*.reason.txt")
    assert reason.name == "poison.csv.reason.txt"
