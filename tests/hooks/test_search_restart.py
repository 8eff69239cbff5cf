"""A new search does not take another one's trials for its own, nor destroy them before it has a result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from tests.tuning import toys
from tests.tuning.toys import run_breaking_trials, run_counting_trials, search_params
from triptych.datasets import CSVDataset, JSONDataset
from triptych.datasets.trials import TrialsDataset
from triptych.errors import StartAnewError
from triptych.hooks import SearchRestart

SHAPE: dict[str, Any] = {"trials": 4, "rungs": 2, "eta": 2, "slots": 2}
FIRST = ["run_counting_trials_r0_00", "run_counting_trials_r0_01"]


class Killed(BaseException):
    """Not to be caught, like the end of the process."""


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def make_pipeline(run: Any = run_counting_trials, **search: Any) -> Pipeline:
    return toys.make_pipeline(run, search_params(**SHAPE | search))


def run(folder: Path, pipeline: Pipeline | None = None, run_params: Any = None, **search: Any) -> None:
    """Run a search with the hook, as a session would."""
    pipeline = pipeline or make_pipeline(**search)
    catalog = DataCatalog(
        {
            "params:toy_search": MemoryDataset(search_params(**SHAPE | search)),
            "toy_best": JSONDataset(filepath=str(folder / "best.json")),
            "toy_leaderboard": CSVDataset(filepath=str(folder / "leaderboard.csv")),
            **{
                name: TrialsDataset(filepath=folder / "search" / name)
                for name in make_pipeline(slots=4).datasets()
                if "_trials_" in name
            },
        }
    )
    hooks, run_params = _create_hook_manager(), run_params or {}
    hooks.register(SearchRestart())
    only_missing = bool(run_params.get("only_missing_outputs"))
    hooks.hook.before_pipeline_run(run_params=run_params, pipeline=pipeline, catalog=catalog)
    try:
        SequentialRunner().run(pipeline, catalog, hooks, only_missing_outputs=only_missing)
    except Exception as error:
        hooks.hook.on_pipeline_error(error=error, run_params=run_params, pipeline=pipeline, catalog=catalog)
        raise
    hooks.hook.after_pipeline_run(run_params=run_params, run_result={}, pipeline=pipeline, catalog=catalog)


def left(folder: Path) -> dict[str, int]:
    """Give every file and when it was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    run(tmp_path)
    return tmp_path


def die(*_: Any) -> Any:
    raise Killed


def test_a_search_that_fails_before_its_first_result_leaves_the_old_one(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = left(searched)
    monkeypatch.setattr("tests.tuning.toys.count_steps", die)
    with pytest.raises(Killed):
        run(searched, seed=1)
    assert left(searched) == before


def test_with_the_first_result_the_old_search_counts_no_longer(searched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("triptych.datasets.trials.TrialsDataset._start", _start_and_die)
        with pytest.raises(Killed):
            run(searched, seed=1)
    assert not (searched / "leaderboard.csv").exists()
    assert (searched / "best.json").exists()
    run(searched, run_params={"only_missing_outputs": True}, seed=1)
    whole = searched / "whole"
    run(whole, seed=1)
    assert (searched / "best.json").read_text().split('"trial_seconds"')[0] == (
        (whole / "best.json").read_text().split('"trial_seconds"')[0]
    )


_start = TrialsDataset._start


def _start_and_die(self: Any, *arguments: Any) -> None:
    _start(self, *arguments)
    raise Killed


def test_the_same_search_once_more_repeats_every_trial(searched: Path) -> None:
    before = left(searched)
    run(searched)
    after = left(searched)
    assert after.keys() == before.keys()
    assert [path for path in before if after[path] == before[path]] == []


def test_nodes_that_the_new_search_has_no_more_are_removed_at_its_end(tmp_path: Path) -> None:
    run(tmp_path, slots=4)
    run(tmp_path)
    folders = {path.parent.name for path in (tmp_path / "search").glob("*/batch.json")}
    assert folders == {"toy_trials_r0_00", "toy_trials_r0_01", "toy_trials_r1_00", "toy_trials_r1_01"}


@pytest.mark.parametrize(
    "run_params",
    [{"only_missing_outputs": True}, {"from_nodes": FIRST}, {"node_names": FIRST[:1]}, {"from_nodes": FIRST[1:]}],
)
def test_a_run_that_goes_on_repeats_no_trial(run_params: dict[str, Any], searched: Path) -> None:
    before = left(searched)
    pipeline = make_pipeline().filter(
        **{key: run_params[key] for key in run_params if key.endswith(("nodes", "names"))}
    )
    run(searched, pipeline, run_params)
    trials = {path for path in before if path.endswith("trial.json")}
    assert {path: left(searched)[path] for path in trials} == {path: before[path] for path in trials}


def test_a_search_of_failures_ends_with_their_errors(searched: Path) -> None:
    with pytest.raises(StartAnewError, match="all 4 trials failed: ValueError: no luck with .*run the search without"):
        run(searched, make_pipeline(run_breaking_trials))
    assert "TRIPTYCH_SEARCH_RUN" not in os.environ


def test_a_run_that_cannot_go_on_with_another_search_says_how_to_start(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tests.tuning.toys.count_steps", die)
        with pytest.raises(Killed):
            run(searched, seed=1)
    with pytest.raises(DatasetError, match="run the search without --only-missing-outputs or --from-nodes"):
        run(searched, run_params={"from_nodes": FIRST}, seed=1)
    run(searched, seed=1)
