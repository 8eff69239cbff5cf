"""The snapshot holds code, configuration and small samples, and the rules are refused where it would not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.azure import snapshots
from triptych.azure.snapshots import LIMIT_BYTES, find_snapshot_faults, take_stock


@pytest.fixture
def small(project: Path, tmp_path: Path) -> Path:
    """A project of few files with the project's own rules."""
    for name in ("src/triptych/settings.py", "conf/base/globals.yml", "data/01_raw/a.xml", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    shutil.copy(project / ".amlignore", tmp_path)
    return tmp_path


def test_the_project_is_small_and_clean(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = take_stock(project)
    monkeypatch.setattr(snapshots, "take_stock", {project: snapshot}.__getitem__)  # a .venv takes seconds
    assert find_snapshot_faults(project) == []
    sizes = snapshot.sizes
    assert {name.split("/")[0] for name in sizes} == {
        *("src", "conf", "data", "pyproject.toml", ".telemetry", "LICENSE"),
        ".amlignore",  # for a job that submits from its snapshot
    }
    assert sum(sizes.values()) < LIMIT_BYTES


def test_sound_rules_pass(small: Path) -> None:
    assert find_snapshot_faults(small) == []
    assert len(take_stock(small).sizes) == 5


def empty(project: Path) -> None:
    (project / ".amlignore").write_text("\n")


def leave_out_code(project: Path) -> None:
    with (project / ".amlignore").open("a") as rules:
        rules.write("\n/src/**\n")


def let_in_results(project: Path) -> None:
    (project / "data/08_reporting").mkdir()
    (project / "data/08_reporting/metrics.json").touch()
    with (project / ".amlignore").open("a") as rules:
        rules.write("\n!/data/**\n")


def let_in_secrets(project: Path) -> None:
    (project / "conf/base/credentials.yml").touch()


def grow(project: Path) -> None:
    (project / "data/01_raw/film.mp4").write_bytes(bytes(LIMIT_BYTES))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (empty, ".amlignore is missing or empty"),
        (leave_out_code, "leaves out src/triptych/settings.py"),
        (let_in_results, "such as data/08_reporting/metrics.json"),
        (let_in_secrets, "such as conf/base/credentials.yml"),
        (grow, "the largest file is data/01_raw/film.mp4"),
    ],
)
def test_bad_rules_are_refused(small: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(small)
    (fault,) = find_snapshot_faults(small)
    assert reason in fault
