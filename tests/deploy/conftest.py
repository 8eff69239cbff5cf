"""Where the deployment lies, and a copy of it to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
# What `kedro azureml compile` writes, as far as a schedule looks at it.
COMPILED = """
type: pipeline
display_name: stand-in
jobs:
  step:
    type: command
    command: echo
    environment: azureml:triptych@latest
    compute: azureml:cpu-cluster
"""


@pytest.fixture
def deploy_copy(tmp_path: Path) -> Path:
    """A copy of deploy/ in a project of its own, with compiled pipelines."""
    project = tmp_path / "project"
    shutil.copytree(DEPLOY, project / "deploy", symlinks=True, ignore=shutil.ignore_patterns("build"))
    (project / "requirements.lock").symlink_to(ROOT / "requirements.lock")
    (project / "data").mkdir()
    (project / "data/01_raw").symlink_to(ROOT / "data/01_raw")
    (project / "deploy/build").mkdir()
    for schedule in (project / "deploy/schedules").glob("*.yml"):
        (project / "deploy/build" / schedule.name).write_text(COMPILED, encoding="utf-8")
    return project / "deploy"
