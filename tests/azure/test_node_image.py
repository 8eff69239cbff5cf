"""The image that steps run in here lacks what Azure's lacks, and reports to nobody."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.azure.node_image import dockerfile_variables, image_variables
from tests.preloaded.scripts import PreloadedScripts

LOOK = """
import importlib.metadata as m, importlib.util
names = {d.metadata["Name"] for d in m.distributions()}
print("triptych" in names, "kedro" in names, importlib.util.find_spec("triptych"))
print([e.name for e in m.entry_points(group="kedro.init")])
"""


@pytest.mark.parametrize("preloaded_first", [False, True])
def test_the_project_is_not_installed(preloaded_first: bool, preloaded: PreloadedScripts, tmp_path: object) -> None:
    command = preloaded.code(LOOK) if preloaded_first else [sys.executable, "-c", LOOK]
    environment = {"PATH": os.environ["PATH"], **image_variables()}
    run = subprocess.run(command, cwd=str(tmp_path), env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "False True None\n[]\n"


def test_usage_reports_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.telemetry import utils

    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(utils, "_IS_IN_CI_ENV_OR_TESTING", False)
    assert not utils.is_telemetry_disabled()
    for name, value in dockerfile_variables().items():
        monkeypatch.setenv(name, value)
    assert utils.is_telemetry_disabled()
    assert os.environ["KEDRO_DISABLE_TELEMETRY"]
