"""A search through Kedro's own runners, of something that is no model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner

from tests.tuning.toys import run_breaking_trial, run_counting_trial, search_params
from triptych.datasets import CSVDataset, JSONDataset
from triptych.datasets.trial import TrialDataset
from triptych.tuning.params import SearchParams
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SearchPlan

PLAN = SearchPlan(9, 3, 3)


def make_pipeline(plan: SearchPlan = PLAN, run: Any = run_counting_trial, **options: Any) -> Pipeline:
    return Pipeline(create_search("toy", plan, run, [], **options))


def make_catalog(folder: Path, pipeline: Pipeline, kind: type[DataCatalog] = DataCatalog, **search: Any) -> DataCatalog:
    trials: dict[str, Any] = {
        name: TrialDataset(filepath=folder / name)
        for name in pipeline.datasets()
        if name.startswith(("toy_queued", "toy_trial"))
    }
    report: dict[str, Any] = {
        "toy_best": JSONDataset(filepath=str(folder / "best.json")),
        "toy_leaderboard": CSVDataset(filepath=str(folder / "leaderboard.csv"), save_args={"index": False}),
    }
    params = MemoryDataset(search_params(**search))
    return kind({**trials, **report, "params:toy_search": params})


def read_report(folder: Path) -> tuple[Any, pd.DataFrame]:
    return json.loads((folder / "best.json").read_text()), pd.read_csv(folder / "leaderboard.csv")


def run_search(folder: Path, runner: AbstractRunner, plan: SearchPlan = PLAN, **search: Any) -> tuple[Any, Any]:
    pipeline = make_pipeline(plan)
    kind = SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog
    with pytest.MonkeyPatch.context() as patch:
        # No session has begun here: kedro-mlflow's hook in the worker processes would log to whatever MLflow run an
        # earlier test has left in this process.
        patch.setattr("kedro.runner.task._register_hooks_entry_points", lambda *_: None)
        runner.run(pipeline, make_catalog(folder, pipeline, kind, **search))
    return read_report(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, project: Path) -> dict[str, Path]:
    """Run the search with both runners."""
    made = {runner.__name__: tmp_path_factory.mktemp("search") for runner in (SequentialRunner, ParallelRunner)}
    run_search(made["SequentialRunner"], SequentialRunner())
    run_search(made["ParallelRunner"], ParallelRunner(max_workers=2))
    return made


@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
def test_survivors_go_on_from_their_checkpoint(runner: str, folders: dict[str, Path]) -> None:
    best, table = read_report(folders[runner])
    assert sorted(table["trial"]) == list(range(9))
    done = table[table["status"] == "done"]
    assert sorted(done["budget"]) == [1] * (len(done) - 3) + [3, 3, 9]
    # One rung ran 1 step, the next 2 more, the last 6 more: no step twice.
    winner = table[table["trial"] == best["trial"]].iloc[0]
    assert (winner["budget"], winner["steps"], winner["rungs"]) == (9, 9, 3)
    trial = TrialDataset(filepath=folders[runner] / "toy_trial_r2_00").load()
    assert trial.checkpoint
    assert json.loads((trial.checkpoint / "steps.json").read_text()) == [1, 2, 6]
    assert best["config"] == {"x": pytest.approx(winner["x"]), "steps": 9}
    # x above 0.8 crashes; the search went on.
    crashed = table[table["x"] > 0.8]
    assert len(crashed) >= 1
    assert set(crashed["error"]) == {"MemoryError: x is too large"}
    assert best["trials_failed"] == len(crashed)


def test_both_runners_find_the_same(folders: dict[str, Path]) -> None:
    found = [read_report(folder) for folder in folders.values()]
    tables = [table.drop(columns="seconds") for _, table in found]
    assert tables[0].equals(tables[1])
    assert found[0][0]["config"] == found[1][0]["config"]


def test_one_rung_is_random_search(tmp_path: Path) -> None:
    _, table = run_search(tmp_path, SequentialRunner(), SearchPlan(4))
    assert set(table["budget"]) == {9}
    names = {node.name for node in make_pipeline(SearchPlan(4)).nodes}
    assert names == {"sample_trials_toy", "select_best_toy", *(f"run_counting_trial_r0_{i:02}" for i in range(4))}


def test_a_search_of_failures_says_so(tmp_path: Path) -> None:
    pipeline = make_pipeline(run=run_breaking_trial)
    with pytest.raises(ValueError, match="all 9 trials failed: ValueError: no luck with 0; "):
        SequentialRunner().run(pipeline, make_catalog(tmp_path, pipeline))


def test_a_broken_off_search_goes_on(tmp_path: Path, folders: dict[str, Path]) -> None:
    whole = read_report(folders["SequentialRunner"])
    pipeline, folder = make_pipeline(), tmp_path
    first = [node.name for node in pipeline.nodes if "_r0_0" in node.name][:5]
    SequentialRunner().run(pipeline.filter(node_names=["sample_trials_toy", *first]), make_catalog(folder, pipeline))
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("toy_trial_*/trial.json")}
    assert len(finished) == 5
    SequentialRunner().run(pipeline, make_catalog(folder, pipeline), only_missing_outputs=True)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert read_report(folder)[1].drop(columns="seconds").equals(whole[1].drop(columns="seconds"))


def test_trials_left_by_another_search_are_not_mixed_in(tmp_path: Path) -> None:
    run_search(tmp_path, SequentialRunner())
    pipeline = make_pipeline()
    catalog = make_catalog(tmp_path, pipeline, seed=1)
    # As if killed after three trials of the new search.
    names = ["sample_trials_toy", *(f"run_counting_trial_r0_{i:02}" for i in range(3)), "promote_rung_toy_r1"]
    with pytest.raises(ValueError, match="different searches"):
        SequentialRunner().run(pipeline.filter(node_names=names), catalog)


def test_nodes_pickle_and_carry_the_workloads_type() -> None:
    class OwnParams(SearchParams):
        pass

    nodes: list[Node] = make_pipeline(search_type=OwnParams).nodes
    typed = [node for node in nodes if "search" in node.func.__annotations__]
    assert {node.func.__annotations__["search"] for node in typed} == {OwnParams}
    assert len(typed) == 4
    for node in make_pipeline().nodes:
        assert pickle.loads(pickle.dumps(node)).func.__name__ == node.func.__name__  # noqa: S301
