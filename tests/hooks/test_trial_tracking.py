"""Every trial is a run in MLflow, whatever its number of rungs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.toys import make_trial
from triptych.datasets.trials import TrialsDataset
from triptych.hooks.trial_tracking import TrialTracking
from triptych.tuning.trials import Outcome, Trial, TrialBatch


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


@pytest.fixture
def client(database: str, experiment: str, restored: None) -> Iterator[Any]:
    import mlflow

    mlflow.set_tracking_uri(database)
    mlflow.set_experiment(experiment)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


def nested(client: Any, parent: Any) -> list[Any]:
    found = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: run.info.run_name)


def track(rung: int, *trials: Trial) -> None:
    """Tell the hook of a batch, and let each of its trials end as given."""
    batch = TrialBatch(list(trials), lambda *_: Outcome({}))
    TrialTracking().before_dataset_saved(f"toy.count_trials_r{rung}_07", batch)
    for trial in trials:
        for listener in batch.listeners:
            listener(trial)


def test_a_trial_is_one_nested_run_over_its_rungs(client: Any) -> None:
    import mlflow

    with mlflow.start_run() as parent:
        TrialTracking().before_pipeline_run()
        track(0, make_trial(3, 0.25), make_trial(11, 0.5))
        track(1, make_trial(3, 0.25, 0.75))
    three, eleven = nested(client, parent)
    assert [run.info.run_name for run in (three, eleven)] == [
        "toy.count_trial_03",
        "toy.count_trial_11",
    ]
    assert three.info.status == "FINISHED"
    assert three.data.params == {"x": "0.3"}
    history = client.get_metric_history(three.info.run_id, "score")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.25), (2, 0.75)]
    seconds = client.get_metric_history(three.info.run_id, "seconds")
    assert [(metric.step, metric.value) for metric in seconds] == [(1, 1.0), (2, 1.0)]
    assert client.get_run(parent.info.run_id).data.metrics == {}


def test_a_failed_trial_says_why(client: Any) -> None:
    import mlflow

    with mlflow.start_run() as parent:
        TrialTracking().before_pipeline_run()
        failed = make_trial(3, 0.25, None, status="failed")
        track(0, make_trial(3, 0.25))
        track(1, failed)
        # It is handed on through the next rung without being trained.
        track(2, failed)
    (run,) = nested(client, parent)
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ValueError: broken"
    assert len(client.get_metric_history(run.info.run_id, "score")) == 1
    assert len(client.get_metric_history(run.info.run_id, "seconds")) == 2


def test_a_trial_is_kept_when_mlflow_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRIPTYCH_MLFLOW_PARENT_RUN", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("TRIPTYCH_MLFLOW_PARENT_STORE", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    batch = TrialBatch([make_trial(3, status="waiting", budget=1)], lambda *_: Outcome({"score": 1.0, "second": 0.0}))
    TrialTracking().before_dataset_saved("toy.count_trials_r0_00", batch)
    trials = TrialsDataset(filepath=tmp_path / "trials_r0_00")
    trials.save(batch)
    assert [trial.status for trial in trials.load()] == ["done"]
    assert "toy.count_trial_03 is not in MLflow: " in caplog.text


def test_what_is_no_trial_is_not_logged(client: Any) -> None:
    import mlflow

    with mlflow.start_run() as parent:
        TrialTracking().before_pipeline_run()
        TrialTracking().before_dataset_saved("toy.count_best", {"trial": 4})
    assert nested(client, parent) == []


def test_without_a_run_nothing_is_logged(client: Any, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_MLFLOW_PARENT_RUN", "left by an earlier run")
    TrialTracking().before_pipeline_run()
    assert "TRIPTYCH_MLFLOW_PARENT_RUN" not in os.environ
    track(0, make_trial(3, 0.5))
    assert client.search_runs([client.get_experiment_by_name(experiment).experiment_id]) == []


def test_a_parameter_is_no_longer_than_any_server_takes(client: Any) -> None:
    import mlflow

    trial = make_trial(3, 0.25)
    trial.config["sizes"] = [[32] * 300]
    with mlflow.start_run() as parent:
        TrialTracking().before_pipeline_run()
        track(0, trial)
    (run,) = nested(client, parent)
    assert run.data.params["sizes"] == str([[32] * 300])[:500]
