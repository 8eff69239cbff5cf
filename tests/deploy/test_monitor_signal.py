"""The steps of the monitors' custom signal, run as Azure ML would: in what is sent of their code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from azure.ai.ml.entities import _load_functions as load

from tests.deploy.collector import write_line
from tests.deploy.conftest import DEPLOY
from tests.drift.test_comparison import draw

SIGNAL = DEPLOY / "monitoring/signal"
NOW = datetime(2026, 11, 30, 5, 15, tzinfo=timezone.utc)
WINDOW = {"data_window_start": "2026-11-23T05:15:00.000Z", "data_window_end": "2026-11-30T05:15:00.000Z"}
# Runs a script where what is not in the environment of the steps cannot be imported.
RUN = """
import runpy, sys
class Refuse:
    @staticmethod
    def find_spec(name, *_):
        if name in ("kedro", "mlflow", "plotly", "torch", "click"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse)
sys.path.insert(0, ".")
script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(script, run_name="__main__")
"""


def run_step(name: str, **ports: Any) -> str:
    """Run a component's script in what is sent of its code; give what it printed, and its error."""
    component: Any = load.load_component(source=str(SIGNAL / f"{name}.yml"))
    defaults = {key: port.default for key, port in component.inputs.items() if port.default is not None}
    values = {key: str(value) for key, value in {**defaults, **ports}.items()}
    assert values.keys() == {*component.inputs, *component.outputs}
    arguments = re.sub(r"\$\{\{(?:inputs|outputs)\.(\w+)\}\}", lambda found: values[found[1]], component.args)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with component._build_code() as code:
        command = [sys.executable, "-c", RUN, component.entry.entry, *shlex.split(arguments)]
        ran = subprocess.run(
            command, cwd=code.path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    return ran.stdout if ran.returncode == 0 else ran.stderr


def read_mltable(folder: Path) -> pd.DataFrame:
    """Read a table by the words of its form, which the package `mltable` reads, too."""
    assert yaml.safe_load((folder / "MLTable").read_text(encoding="utf-8")) == {
        "type": "mltable",
        "paths": [{"pattern": "./*.parquet"}],
        "transformations": ["read_parquet"],
    }
    (file,) = folder.glob("*.parquet")
    return pd.read_parquet(file)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    folder = tmp_path / "reference"
    folder.mkdir()
    draw(0, 300).assign(model=7).to_parquet(folder / "drift_reference.parquet")
    return folder


def collect(folder: Path, rows: pd.DataFrame, days_ago: float) -> Path:
    return write_line(folder, rows, NOW - timedelta(days=days_ago))


def measure_psi(before: pd.Series, now: pd.Series) -> float:
    """Measure the index over tenths, as in Siddiqi's book."""
    edges = np.quantile(before, np.arange(1, 10) / 10, method="higher")
    old, new = (np.bincount(np.searchsorted(edges, side, "right"), minlength=10) / len(side) for side in (before, now))
    return float(((new - old) * np.log(new / old)).sum())


def test_requests_in_the_window_are_compared_with_the_reference(tmp_path: Path, reference: Path) -> None:
    folder = tmp_path / "collected"
    dark = draw(1, 400, brightness=0.42).assign(model=7)
    for part in range(4):
        file = collect(folder, dark[part * 100 :][:100], part + 0.1)
    with file.open("a", encoding="utf-8") as lines:
        lines.write('{"time": "2026-11-27T01:0\n')  # of a server that ended
    collect(folder, draw(2, 400, brightness=0.9).assign(model=7), 7.5)
    collect(folder, draw(3, 400, brightness=0.9).assign(model=7), -0.01)
    collect(folder, draw(4, 400, brightness=0.9).assign(model=8), 1)
    ports = {"input_data": folder, "preprocessed_input_data": tmp_path / "requests"}
    assert "800 requests from 2026-11-23" in run_step("requests", **WINDOW, **ports)
    requests = read_mltable(tmp_path / "requests")
    assert list(requests.columns) == [*dark.columns]
    metrics = tmp_path / "metrics"
    ports = {"production_data": tmp_path / "requests", "reference_data": reference, "signal_metrics": metrics}
    assert "400 requests compared" in run_step("drift", **ports)
    found = read_mltable(metrics)
    assert list(found.columns) == ["group", "metric_name", "metric_value", "threshold_value"]
    judged = found[found["metric_name"] == "certain_psi"].set_index("group")
    assert (judged["threshold_value"] == 0.1).all()
    # Azure ML: "breached" is what is above its threshold.
    assert set(judged.index[judged["metric_value"] > judged["threshold_value"]]) == {"brightness"}
    known = measure_psi(draw(0, 300)["brightness"], dark["brightness"])
    assert judged.loc["brightness", "metric_value"] == pytest.approx(known, rel=1e-6)
    shown = found[found["metric_name"] == "psi"]
    assert set(shown["group"]) == set(judged.index)
    assert shown["threshold_value"].isna().all()
    # Spark takes NaN, which is no null, for the largest number of all, and would write to somebody.
    assert found["metric_value"].notna().all()
    (file,) = metrics.glob("*.parquet")
    assert pq.read_table(file)["threshold_value"].null_count == len(shown)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (draw(1, 400).assign(model=8), "none of the 400 requests was answered by the model that the reference is of"),
        (draw(1, 3).assign(model=7), "3 requests are fewer than 5"),
    ],
)
def test_what_cannot_be_compared_fails_with_the_reason(
    tmp_path: Path, reference: Path, rows: pd.DataFrame, message: str
) -> None:
    from triptych.drift.azure_monitor import write_table

    write_table(str(tmp_path / "requests"), rows)
    ports = {"production_data": tmp_path / "requests", "reference_data": reference}
    error = run_step("drift", **ports, signal_metrics=tmp_path / "metrics")
    assert message in error.splitlines()[-1]
    assert not (tmp_path / "metrics").exists()


@pytest.mark.parametrize("workload", ["faq", "shelf"])
def test_monitors_give_the_signal_what_it_takes(workload: str) -> None:
    monitor = yaml.safe_load((DEPLOY / f"monitoring/{workload}.yml").read_text(encoding="utf-8"))["create_monitor"]
    (signal,) = (each for each in monitor["monitoring_signals"].values() if each["type"] == "custom")
    component = load.load_component(source=str(SIGNAL / "drift.yml"))
    assert signal["component_id"] == f"azureml:{component.name}:1"
    assert signal["alert_enabled"] is True
    data = signal["input_data"]
    thresholds = {f"{each['metric_name']}_threshold": each["threshold"] for each in signal["metric_thresholds"]}
    given = {*data, *thresholds}
    assert given <= {*component.inputs}
    assert {name for name, port in component.inputs.items() if port.default is None} <= given
    reader = load.load_component(source=str(SIGNAL / "requests.yml"))
    assert data["production_data"]["pre_processing_component"] == f"azureml:{reader.name}:1"
    assert data["reference_data"]["input_data"]["type"] == component.inputs["reference_data"].type
    parameters = yaml.safe_load((DEPLOY / f"../conf/base/{workload}/parameters.yml").read_text(encoding="utf-8"))
    drift = parameters[workload]["drift"]
    assert thresholds == {"certain_psi_threshold": drift["min_psi"]}
    assert component.inputs["certain_psi_threshold"].default == drift["min_psi"]
    assert component.inputs["false_alarm_rate"].default == drift["false_alarm_rate"]
    assert component.inputs["min_requests"].default == drift["min_requests"]
    assert data["production_data"]["data_window"]["lookback_window_size"] == f"P{drift['days']}D"


def test_the_environment_of_the_steps_has_what_they_import() -> None:
    for name in ("requests", "drift"):
        conf = yaml.safe_load((SIGNAL / f"{name}.yml").read_text(encoding="utf-8"))["conf"]
        packages = yaml.safe_load(conf["spark.synapse.library.python.env"])["dependencies"][-1]["pip"]
        named = {re.split(r"[^\w-]", package)[0] for package in packages}
        assert named == {"azureml-fsspec", "numpy", "pandas", "pyarrow", "pydantic", "PyYAML", "scipy"}
