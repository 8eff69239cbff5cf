"""Where the deployment lies, and a copy of it to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture
def deploy_copy(tmp_path: Path) -> Path:
    """A copy of deploy/ in a project of its own."""
    project = tmp_path / "project"
    shutil.copytree(DEPLOY, project / "deploy", symlinks=True, ignore=shutil.ignore_patterns("build"))
    (project / "requirements.lock").symlink_to(ROOT / "requirements.lock")
    (project / "src").symlink_to(ROOT / "src")
    (project / "data").mkdir()
    (project / "data/01_raw").symlink_to(ROOT / "data/01_raw")
    (project / "deploy/build").mkdir()
    return project / "deploy"
