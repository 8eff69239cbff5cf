"""A run lands in MLflow, field by field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.session import KedroSession
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner


def recorded_runs(folder: Path) -> Any:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("toy")
    assert experiment
    return client.search_runs([experiment.experiment_id])


def test_parameters_are_logged_by_field_in_one_finished_run(run_toy: Callable[..., Path], tmp_path: Path) -> None:
    run_toy()
    (run,) = recorded_runs(tmp_path)
    assert run.info.status == "FINISHED"
    assert run.data.params["toy.draw.coin.bias"] == "0.25"
    assert run.data.params["toy.fail.at"] == "nowhere"
    assert run.info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())


@pytest.mark.parametrize("runner", [SequentialRunner, ParallelRunner])
def test_each_session_is_one_run(run_toy: Callable[..., Path], tmp_path: Path, runner: type[AbstractRunner]) -> None:
    import mlflow

    for count in (1, 2):
        run_toy(runner=runner())
        assert mlflow.active_run() is None
        assert [run.info.status for run in recorded_runs(tmp_path)] == ["FINISHED"] * count


def test_a_relative_database_lies_in_the_project(
    project: Path, restored: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from triptych.hooks import MlflowSetup

    class Context:
        project_path = tmp_path / "project"
        config_loader = KedroSession.create(project)._get_config_loader()

    monkeypatch.chdir(tmp_path)
    MlflowSetup().after_context_created(Context())  # type: ignore[arg-type]
    uri = Context.config_loader["mlflow"]["server"]["mlflow_tracking_uri"]
    assert uri == f"sqlite:///{tmp_path}/project/mlflow.db"


@pytest.mark.parametrize(
    ("uri", "artifacts", "kept"),
    [
        ("http://127.0.0.1:1", "mlartifacts", False),
        ("http://127.0.0.1:1", "s3://bucket/x", True),
        ("sqlite:////x.db", "/x", True),
    ],
)
def test_a_server_keeps_artifacts_where_it_does(
    project: Path, restored: None, tmp_path: Path, uri: str, artifacts: str, kept: bool
) -> None:
    from triptych.hooks import MlflowSetup

    params = {"mlflow_uri": uri, "mlflow_artifacts": artifacts}

    class Context:
        project_path = tmp_path
        config_loader = KedroSession.create(project, runtime_params=params)._get_config_loader()

    MlflowSetup().after_context_created(Context())  # type: ignore[arg-type]
    options = Context.config_loader["mlflow"]["tracking"]["experiment"]["create_experiment_kwargs"]
    assert options == ({"artifact_location": artifacts} if kept else {})
