"""Settings that are easily lost."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from kedro_telemetry.plugin import _check_for_telemetry_consent

from triptych import startup


def test_usage_reports_are_off(project: Path) -> None:
    assert yaml.safe_load((project / ".telemetry").read_text()) == {"consent": False}
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert _check_for_telemetry_consent(None) is False  # outside the project, where nothing reads .telemetry


def test_kedro_prepares_before_it_imports_plugins() -> None:
    (installed,) = entry_points(group="kedro.init", name="triptych")
    assert installed.load() is startup.prepare


@pytest.mark.parametrize(
    ("node", "own", "named"), [("n0de", None, "n0de"), ("n0de", "m1ne", "m1ne"), (None, None, None), ("", None, None)]
)
def test_the_identity_of_a_node_is_named(
    node: str | None, own: str | None, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DEFAULT_IDENTITY_CLIENT_ID", node), ("AZURE_CLIENT_ID", own)):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever prepare sets
        monkeypatch.delenv(name)
        if value is not None:
            monkeypatch.setenv(name, value)
    startup.prepare()
    assert os.environ.get("AZURE_CLIENT_ID") == named


def test_noise_is_not_shown_and_other_warnings_are() -> None:
    code = (
        "import warnings\n"
        "from triptych.startup import prepare\n"
        "prepare(); prepare()\n"
        "warnings.warn('x: Add type hints to the `predict` method, please')\n"
        "warnings.warn('something else')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "something else" in run.stderr
    assert "type hints" not in run.stderr


def test_a_choice_in_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    startup.prepare()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"


def test_lightgbm_finds_torchs_openmp_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried = []

    def load(name: str, mode: int) -> None:
        tried.append(name)
        if len(tried) == 1:
            raise OSError

    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("ctypes.CDLL", load)
    startup.ensure_openmp()
    assert tried == [startup._NAME, str(tmp_path / "torch/lib" / startup._NAME)]
    assert "torch" not in sys.modules


def test_the_package_can_be_run(project: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "triptych", "--help"], cwd=project, capture_output=True, text=True, check=True
    )
    assert "--from-nodes" in run.stdout
