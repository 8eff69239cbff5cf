"""A search through Kedro's own runners, of something that is no model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset, SharedMemoryDataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner

from tests.tuning import toys
from tests.tuning.toys import run_breaking_trials, run_counting_trials, search_params
from triptych.datasets import CSVDataset, JSONDataset
from triptych.datasets.trials import TrialsDataset
from triptych.tuning.params import SearchParams
from triptych.tuning.pipeline import create_search


def make_pipeline(run: Any = run_counting_trials, **search: Any) -> Pipeline:
    return toys.make_pipeline(run, search_params(**search))


def make_catalog(folder: Path, pipeline: Pipeline, kind: type[DataCatalog] = DataCatalog, **search: Any) -> DataCatalog:
    trials: dict[str, Any] = {
        name: TrialsDataset(filepath=folder / name) for name in pipeline.datasets() if name.startswith("toy_trials")
    }
    report: dict[str, Any] = {
        "toy_best": JSONDataset(filepath=str(folder / "best.json")),
        "toy_leaderboard": CSVDataset(filepath=str(folder / "leaderboard.csv"), save_args={"index": False}),
    }
    params = MemoryDataset(search_params(**search))
    return kind({**trials, **report, "params:toy_search": params})


def read_report(folder: Path) -> tuple[Any, pd.DataFrame]:
    return json.loads((folder / "best.json").read_text()), pd.read_csv(folder / "leaderboard.csv")


def run_search(folder: Path, runner: AbstractRunner | None = None, **search: Any) -> tuple[Any, Any]:
    pipeline = make_pipeline(**search)
    kind = SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog
    with pytest.MonkeyPatch.context() as patch:
        # No session has begun here: the hooks of the project and of its plugins would, in the worker processes, log to
        # whatever MLflow run or database an earlier test has left in this process.
        for hooks in ("_register_hooks", "_register_hooks_entry_points"):
            patch.setattr(f"kedro.runner.task.{hooks}", lambda *_: None)
        (runner or SequentialRunner()).run(pipeline, make_catalog(folder, pipeline, kind, **search))
    return read_report(folder)


def same_but_for_seconds(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.drop(columns="seconds").equals(other.drop(columns="seconds"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, project: Path) -> dict[str, Path]:
    """Run the search with both runners."""
    made = {runner.__name__: tmp_path_factory.mktemp("search") for runner in (SequentialRunner, ParallelRunner)}
    run_search(made["SequentialRunner"])
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
    (trial,) = TrialsDataset(filepath=folders[runner] / "toy_trials_r2_00").load()
    assert trial.checkpoint
    assert json.loads((trial.checkpoint / "steps.json").read_text()) == [1, 2, 6]
    assert best["config"] == {"x": pytest.approx(winner["x"]), "steps": 9}


def test_a_failed_configuration_loses_and_does_not_stop_the_others(folders: dict[str, Path]) -> None:
    best, table = read_report(folders["SequentialRunner"])
    crashed = table[table["x"] > 0.8]
    assert 1 <= len(crashed) < 9
    assert set(crashed["error"]) == {"MemoryError: x is too large"}
    assert best["trials_failed"] == len(crashed)


def test_both_runners_find_the_same(folders: dict[str, Path]) -> None:
    found = [read_report(folder) for folder in folders.values()]
    assert same_but_for_seconds(found[0][1], found[1][1])
    assert found[0][0]["config"] == found[1][0]["config"]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_how_many_nodes_share_the_work_changes_nothing(sampler: str, tmp_path: Path) -> None:
    found = [run_search(tmp_path / str(slots), slots=slots, sampler=sampler) for slots in (1, 2, 9)]
    for best, table in found[1:]:
        assert same_but_for_seconds(table, found[0][1])
        assert best == {**found[0][0], "trial_seconds": best["trial_seconds"]}
    assert len(found[0][1]) == (12 if sampler == "tpe" else 9)


def test_there_are_as_many_nodes_as_slots_in_a_rung() -> None:
    names = {node.name for node in make_pipeline(trials=16, eta=4, slots=4, max_budget=16).nodes}
    trained = [*(f"r0_{slot:02}" for slot in range(4)), *(f"r1_{slot:02}" for slot in range(4)), "r2_00"]
    assert names == {*(f"run_counting_trials_{place}" for place in trained), "select_best_toy"}


def test_one_rung_is_random_search(tmp_path: Path) -> None:
    _, table = run_search(tmp_path, rungs=1, trials=4)
    assert set(table["budget"]) == {9}
    assert len(table) == 4


def test_a_search_of_failures_says_so(tmp_path: Path) -> None:
    pipeline = make_pipeline(run_breaking_trials)
    with pytest.raises(ValueError, match="all 9 trials failed: ValueError: no luck with 0"):
        SequentialRunner().run(pipeline, make_catalog(tmp_path, pipeline))


class Killed(BaseException):
    """Not to be caught, like the end of the process."""


def test_a_search_killed_in_the_midst_of_a_node_goes_on_with_the_trial_that_was_not_done(
    tmp_path: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[float] = []
    count_steps = toys.count_steps

    def watch(config: dict[str, Any], *others: Any) -> Any:
        if len(trained) == 5 and budget is None:
            raise Killed
        trained.append(config["x"])
        return count_steps(config, *others)

    budget = None
    monkeypatch.setattr(toys, "count_steps", watch)
    pipeline = make_pipeline()
    with pytest.raises(Killed):
        SequentialRunner().run(pipeline, make_catalog(tmp_path, pipeline))
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("toy_trials_*/trial_*/trial.json")}
    assert len(finished) == 5  # all three of one node, two of another
    budget = 1
    SequentialRunner().run(pipeline, make_catalog(tmp_path, pipeline), only_missing_outputs=True)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(set(trained[:9])) == 9
    assert same_but_for_seconds(read_report(tmp_path)[1], read_report(folders["SequentialRunner"])[1])


@pytest.mark.parametrize("changes", [{"seed": 1}, {"max_budget": 18}, {"trials": 12}])
def test_trials_left_by_another_search_are_not_mixed_in(changes: dict[str, Any], tmp_path: Path) -> None:
    run_search(tmp_path)
    pipeline = make_pipeline(**changes)
    catalog = make_catalog(tmp_path, pipeline, **changes)
    for node in ("run_counting_trials_r0_00", "run_counting_trials_r1_00"):
        with pytest.raises((DatasetError, ValueError), match="another search|different searches"):
            SequentialRunner().run(pipeline.only_nodes(node), catalog)


def test_nodes_pickle_and_carry_the_workloads_type() -> None:
    class OwnParams(SearchParams):
        pass

    nodes: list[Node] = Pipeline(create_search("toys", "toy", OwnParams, run_counting_trials, [])).nodes
    (choose,) = [node for node in nodes if node.name == "select_best_toy"]
    assert choose.func.__annotations__["search"] == OwnParams
    for node in make_pipeline().nodes:
        assert pickle.loads(pickle.dumps(node)).func.__name__ == node.func.__name__  # noqa: S301
