"""The searches of faq, found the same in every way they can be run, and used."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.e2e.conftest import settings
from tests.preloaded.scripts import PreloadedScripts

SEARCHES = ("ranker", "reference")
THREADS = "faq.ranker.threads=1,faq.reference.threads=1,faq.ingest.workers=1,faq.retrieval.workers=1"


@pytest.fixture(scope="module")
def searched(run_in: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run faq_tune undisturbed; return the data_root, which no test may change."""
    return run_in(tmp_path_factory.mktemp("searched"), "faq_tune", env="test", params=settings())


def tune(work: Path, *options: str) -> list[str]:
    """Give the options of `kedro` for the searches."""
    params = f"data_root={work}/data,mlflow_uri=sqlite:///{work}/mlflow.db,mlflow_artifacts={work}/artifacts,{THREADS}"
    return ["run", "--env", "test", "--pipelines", "faq_tune", "--params", params, *options]


def read_best(data_root: Path, name: str) -> dict[str, Any]:
    best: dict[str, Any] = json.loads((data_root / f"06_models/faq/{name}_best.json").read_text())
    best.pop("trial_seconds")
    return best


def read_leaderboard(data_root: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(data_root / f"08_reporting/faq/{name}_leaderboard.csv").drop(columns="seconds")


def assert_found_the_same(one: Path, other: Path) -> None:
    for name in SEARCHES:
        pd.testing.assert_frame_equal(read_leaderboard(one, name), read_leaderboard(other, name))
        assert read_best(one, name) == read_best(other, name)


def trial_runs(work: Path) -> list[Any]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{work / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("triptych")
    assert experiment
    (parent,) = client.search_runs([experiment.experiment_id], "tags.`mlflow.parentRunId` IS NULL")
    nested = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(nested, key=lambda run: run.info.run_name)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_leaves_leaderboard_plots_and_best(searched: Path, name: str) -> None:
    board, best = read_leaderboard(searched, name), read_best(searched, name)
    assert board["place"].tolist() == [1, 2, 3, 4]
    assert set(board["status"]) == {"done"}
    assert board.iloc[0]["trial"] == best["trial"]
    assert best["metrics"]["gain_at_3"] == pytest.approx(board["gain_at_3"].max())
    # One survivor went on, with three times the budget.
    assert sorted(board["budget"] / board["budget"].min()) == [1, 1, 1, 3]
    for plot, kind in (("configurations", "scatter"), ("budget", "scatter"), ("importances", "bar")):
        figure = json.loads((searched / f"08_reporting/faq/{name}_{plot}.plotly.json").read_text())
        assert figure["data"][0]["type"] == kind


def test_every_trial_is_a_nested_run(searched: Path) -> None:
    runs = trial_runs(searched.parent)
    names = [f"faq.{name}_trial_{number:02}" for name in SEARCHES for number in range(4)]
    assert [run.info.run_name for run in runs] == names
    board = read_leaderboard(searched, "ranker").set_index("trial")
    for number, run in enumerate(runs[:4]):
        assert float(run.data.params["learning_rate"]) == pytest.approx(board.loc[number, "learning_rate"])
        assert run.data.metrics["seconds"] > 0


def test_the_parallel_runner_finds_the_same(
    searched: Path, project: Path, preloaded: PreloadedScripts, tmp_path: Path
) -> None:
    # In a process of its own: forked from one that has used OpenMP, LightGBM would wait for ever.
    command = tune(tmp_path, "--runner", "ParallelRunner", "--runner-params", "max_workers=2")
    subprocess.run(preloaded.kedro(*command), cwd=project, check=True, capture_output=True)
    assert_found_the_same(searched, tmp_path / "data")
    assert len(trial_runs(tmp_path)) == 8


def test_faq_uses_the_best(searched: Path, run_in: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copytree(searched, tmp_path / "data")
    nodes = {"node_names": ["faq.train_ranker", "faq.train_reference"]}

    def trained(**blocks: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        data_root = run_in(tmp_path, "faq", env="test", params=settings(**blocks), **nodes)
        files = ("06_models/faq/rankers.json", "08_reporting/faq/reference_report.json")
        rankers, reference = (json.loads((data_root / file).read_text())["settings"] for file in files)
        return rankers, reference

    for name, found in zip(SEARCHES, trained(), strict=True):
        best = read_best(searched, name)["config"]
        assert {key: found[key] for key in best} == best
    explicit, _ = trained(ranker={"rounds": 7})
    best = read_best(searched, "ranker")["config"]
    assert explicit["rounds"] == 7
    assert {key: explicit[key] for key in best if key != "rounds"} == {
        key: best[key] for key in best if key != "rounds"
    }
    untuned = trained(ranker={"tuned": False}, reference={"tuned": False})
    assert (untuned[0]["rounds"], untuned[1]["rounds"]) == (20, 10)


def test_a_search_of_another_size_needs_no_change_of_the_code(
    searched: Path, run_in: Callable[..., Path], tmp_path: Path
) -> None:
    shutil.copytree(searched, tmp_path / "data")
    search = {"trials": 6, "rungs": 3, "eta": 2, "slots": 3, "max_budget": 8, "sampler": "tpe"}
    data_root = run_in(tmp_path, "faq_tune", env="test", params=settings(ranker_search=search), tags=["ranker_search"])
    board = read_leaderboard(data_root, "ranker")
    # Three of six go on, and TPE adds as many; one of those goes on.
    assert sorted(board["budget"]) == [2, 2, 2, 4, 4, 4, 4, 4, 8]
    folders = (data_root / "06_models/faq/ranker_search").glob("trials_*")
    shape = [*(f"trials_r0_{slot:02}" for slot in range(3)), *(f"trials_r1_{slot:02}" for slot in range(3))]
    assert sorted(path.name for path in folders) == [*shape, "trials_r2_00"]
    assert read_best(data_root, "reference") == read_best(searched, "reference")


def test_a_killed_search_goes_on_where_it_stopped(
    searched: Path, run_in: Callable[..., Path], project: Path, tmp_path: Path
) -> None:
    trials = tmp_path / "data/06_models/faq"

    def finished() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in trials.glob("*_search/trials_r0_*/trial_*/trial.json")}

    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "kedro", *tune(tmp_path)]
        run = subprocess.Popen(command, cwd=project, stdout=log, stderr=log, start_new_session=True)
        try:
            while not finished() and run.poll() is None:
                time.sleep(0.005)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    before = finished()
    assert 1 <= len(before) < 8, (tmp_path / "log").read_text()
    assert not (trials / "ranker_best.json").exists()
    data_root = run_in(tmp_path, "faq_tune", env="test", params=settings(), only_missing_outputs=True)
    after = finished()
    assert len(after) == 8
    assert {path: after[path] for path in before} == before
    assert_found_the_same(searched, data_root)
