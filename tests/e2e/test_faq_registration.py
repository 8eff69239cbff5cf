"""Runs of the pipeline register versions; only a better ranker is promoted."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.preloaded.scripts import PreloadedScripts

ROOT = Path(__file__).parents[2]
RunProject = Callable[..., Path]
# Trees alone: the linear model beside them would rank well even so.
CONSTANT = {
    "faq": {"ranker": {"min_child_samples": 1_000_000, "method": "lambdarank"}, "reference": {"enabled": False}}
}
GOOD = {"faq": {"ranker": {"min_child_samples": 20, "method": "lambdarank"}, "reference": {"enabled": False}}}


def run_in_workers(data: Path, preloaded: PreloadedScripts) -> Path:
    """Run the last node by ParallelRunner, in another process: LightGBM has started threads in this one."""
    work = data.parent
    params = f"data_root={data},mlflow_uri=sqlite:///{work / 'mlflow.db'},mlflow_artifacts={work / 'mlartifacts'}"
    options = ["--env", "test", "--nodes", "faq.register_matcher", "--runner", "ParallelRunner", "--params", params]
    command = preloaded.kedro("run", "--pipelines", "faq", *options)
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    return data


def read_record(data: Path) -> dict[str, Any]:
    return dict(json.loads((data / "08_reporting/faq/registration.json").read_text(encoding="utf-8")))


@pytest.fixture
def client(tmp_path: Path) -> Any:
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_each_run_registers_a_version_and_a_worse_one_is_not_promoted(
    sample_run: Path, run_project: RunProject, preloaded: PreloadedScripts, client: Any, tmp_path: Path
) -> None:
    for stage in ("02_intermediate", "03_primary", "04_feature", "05_model_input"):
        shutil.copytree(sample_run / stage, tmp_path / "data" / stage)
    options = {"env": "test", "from_nodes": ["faq.train_ranker", "faq.train_reference"]}
    data = run_project("faq", params=CONSTANT, **options)
    first = read_record(data)
    assert (first["version"], first["promoted"], first["compared_with"]) == (1, True, None)

    again = {"env": "test", "from_nodes": ["faq.train_ranker"]}
    better = read_record(run_project("faq", params=GOOD, **again))
    assert (better["version"], better["promoted"], better["compared_with"]) == (2, True, 1)
    assert better["low"] > 0
    assert better["same_test_set"]

    worse = read_record(run_project("faq", params=CONSTANT, **again))
    assert (worse["version"], worse["promoted"], worse["compared_with"]) == (3, False, 2)
    assert worse["high"] < 0
    assert worse["data_fingerprint"] == first["data_fingerprint"]

    fourth = read_record(run_in_workers(data, preloaded))
    assert (fourth["version"], fourth["promoted"], fourth["compared_with"]) == (4, False, 2)

    versions = {int(v.version): v for v in client.search_model_versions("name='faq-matcher'")}
    marks = {number: version.tags["triptych.promoted"] for number, version in versions.items()}
    assert marks == {1: "false", 2: "true", 3: "false", 4: "false"}
    assert int(client.get_model_version_by_alias("faq-matcher", "champion").version) == 2

    runs = client.search_runs([client.get_experiment_by_name("triptych").experiment_id])
    # Each is the run of its own session, in a worker process too.
    assert {run.info.run_id for run in runs} == {version.run_id for version in versions.values()}
    run = client.get_run(better["run_id"])
    assert run.data.params["faq.model.min_child_samples"] == "20"
    assert run.data.params["faq.registration.name"] == "faq-matcher"
    assert run.data.metrics["faq.unseen.model.mrr"] == pytest.approx(float(better["unseen.model.mrr"]), abs=1e-4)
