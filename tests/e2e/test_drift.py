"""Drift ends a run with an exit code of its own, when the report is saved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from triptych.drift.request_log import log_batch


def draw_photos(seed: int, brightness: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    measures = {name: rng.normal(1, 0.1, 60) for name in ("sharpness", "megapixels", "detections", "score")}
    return pd.DataFrame({"brightness": rng.normal(brightness, 0.1, 60), **measures})


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    reference = tmp_path / "data" / "07_model_output" / "shelf" / "drift_reference.parquet"
    reference.parent.mkdir(parents=True)
    (tmp_path / "answers").mkdir()
    draw_photos(0, 0.5).assign(model=7).to_parquet(tmp_path / "answers" / "drift_reference.parquet")
    # Of a model that was trained since, and does not answer yet.
    draw_photos(0, 0.9).assign(model=8).to_parquet(reference)
    return {
        "data_root": tmp_path / "data",
        "shelf_requests": tmp_path / "requests",
        "shelf_drift_reference": tmp_path / "answers" / "drift_reference.parquet",
        "mlflow_artifacts": tmp_path / "artifacts",
    }


@pytest.mark.parametrize(("brightness", "code"), [(0.5, 0), (0.25, 3)])
def test_the_exit_code_tells_drift(places: dict[str, Path], tmp_path: Path, brightness: float, code: int) -> None:
    places["shelf_requests"].mkdir()
    log_batch(places["shelf_requests"], draw_photos(1, brightness).assign(model=7))
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    params = ",".join(f"{name}={value}" for name, value in {**places, "mlflow_uri": store}.items())
    command = [sys.executable, "-m", "triptych", "--env", "test", "--pipelines", "shelf_drift", "--params", params]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == code, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert ("brightness" in run.stdout + run.stderr) == bool(code)
    metrics = json.loads((places["data_root"] / "08_reporting/shelf/drift_metrics.json").read_text())
    assert metrics["drift.measures"] == bool(code)

    import mlflow

    (logged,) = mlflow.MlflowClient(store).search_runs(["1"])
    assert logged.data.metrics == pytest.approx(metrics)
