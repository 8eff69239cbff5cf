"""The commit is that of the package's own files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from triptych.registry.source_version import find_commit

GIT = shutil.which("git")
pytestmark = pytest.mark.skipif(GIT is None, reason="no git")


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    command = [str(GIT), "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    return folder


def test_it_is_the_commit_and_tells_of_changes(package: Path) -> None:
    head = git(package, "rev-parse", "HEAD")
    git(package, "tag", "v1")
    assert find_commit(package) == head
    (package / "__init__.py").write_text("changed = True\n", encoding="utf-8")
    assert find_commit(package) == f"{head}-dirty"


def test_a_folder_that_git_does_not_track_has_none(package: Path) -> None:
    installed = package.parent / "site-packages" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert find_commit(installed) is None


def test_outside_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").touch()
    assert find_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_commit(Path(__file__).parent) is None
