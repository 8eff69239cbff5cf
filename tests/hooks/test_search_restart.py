"""A new search does not take another one's trials for its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tests.tuning.toys import make_trial, run_counting_trial
from triptych.datasets import CSVDataset, JSONDataset
from triptych.datasets.trial import TrialDataset
from triptych.hooks import SearchRestart
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SearchPlan

TRIALS = ["toy_queued_r0_00", "toy_queued_r0_01", "toy_trial_r0_00", "toy_trial_r0_01"]
FILES = ["toy_leaderboard", "toy_best", "other_leaderboard"]


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    trials = {name: TrialDataset(filepath=tmp_path / name) for name in [*TRIALS, "other_trial_r0_00"]}
    for dataset in trials.values():
        dataset.save(make_trial(0, 1.0))
    files: dict[str, Any] = {
        name: (JSONDataset if name.endswith("best") else CSVDataset)(filepath=str(tmp_path / name)) for name in FILES
    }
    for name in FILES:
        (tmp_path / name).write_text("{}")
    return DataCatalog({**trials, **files})


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


PIPELINE = Pipeline(create_search("toy", SearchPlan(2), run_counting_trial, []))
EVERYTHING = {*TRIALS, *FILES, "other_trial_r0_00"}


def test_trials_and_leaderboard_go_and_the_best_stays(catalog: DataCatalog, tmp_path: Path) -> None:
    SearchRestart().before_pipeline_run({"only_missing_outputs": False}, PIPELINE, catalog)
    assert left(tmp_path) == {"toy_best", "other_leaderboard", "other_trial_r0_00"}
    SearchRestart().before_pipeline_run({}, PIPELINE, catalog)


@pytest.mark.parametrize(
    ("run_params", "pipeline"),
    [
        ({"only_missing_outputs": True}, PIPELINE),
        ({}, PIPELINE.from_nodes("run_counting_trial_r0_01")),
        ({}, PIPELINE.only_nodes("select_best_toy")),
    ],
)
def test_what_goes_on_keeps_everything(
    run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog, tmp_path: Path
) -> None:
    SearchRestart().before_pipeline_run(run_params, pipeline, catalog)
    assert left(tmp_path) == EVERYTHING
