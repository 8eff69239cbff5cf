"""A run lands in MLflow, field by field."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner

from triptych.hooks import mlflow_tracking
from triptych.hooks.mlflow_tracking import MlflowTracking, hooks_of_rank_0, settle_paths
from triptych.settings import DISABLE_HOOKS_FOR_PLUGINS


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


class Watcher:
    """A hook that anybody may add."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    @hook_impl(trylast=True)
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        self.seen |= inputs


def test_other_hooks_see_the_parameters_that_the_node_gets(
    run_toy: Callable[..., Path], project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bootstrap_project(project / "tests" / "toy")
    settings, watcher = import_module("toy.settings"), Watcher()
    monkeypatch.setattr(settings, "HOOKS", (*settings.HOOKS, watcher))
    run_toy(to_nodes=["toy.draw"])
    assert watcher.seen["params:toy.draw"].coin.bias == 0.25
    (run,) = recorded_runs(tmp_path)
    assert run.data.params["toy.draw.coin.bias"] == "0.25"


@pytest.mark.parametrize("runner", [SequentialRunner, ParallelRunner])
def test_each_session_is_one_run(run_toy: Callable[..., Path], tmp_path: Path, runner: type[AbstractRunner]) -> None:
    import mlflow

    for count in (1, 2):
        run_toy(runner=runner())
        assert mlflow.active_run() is None
        assert [run.info.status for run in recorded_runs(tmp_path)] == ["FINISHED"] * count


class Interruption:
    """A hook that is interrupted from the keyboard, of which Kedro tells hooks nothing."""

    @hook_impl(trylast=True)
    def before_node_run(self) -> None:
        raise KeyboardInterrupt


def test_a_run_after_an_interrupted_one_in_the_same_process_is_a_run_of_its_own(
    run_toy: Callable[..., Path], project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bootstrap_project(project / "tests" / "toy")
    settings = import_module("toy.settings")
    with monkeypatch.context() as patch:
        patch.setattr(settings, "HOOKS", (*settings.HOOKS, Interruption()))
        with pytest.raises(KeyboardInterrupt):
            run_toy()
    run_toy(params={"toy": {"draw": {"coin": {"bias": 0.5}}}})
    last, first = recorded_runs(tmp_path)
    assert (first.info.status, last.info.status) == ("KILLED", "FINISHED")
    assert last.data.params["toy.draw.coin.bias"] == "0.5"


def test_a_run_that_the_user_has_started_stays_open(run_toy: Callable[..., Path], tmp_path: Path) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("toy")
    with mlflow.start_run() as own:
        for _ in range(2):
            run_toy(to_nodes=["toy.draw"])
            active = mlflow.active_run()
            assert active
            assert active.info.run_id == own.info.run_id


def mlflow_config(project: Path, **params: str) -> dict[str, Any]:
    loader: Any = KedroSession.create(project, runtime_params=params)._get_config_loader()
    loader.config_patterns["mlflow"] = ["mlflow*"]
    return dict(loader["mlflow"])


def test_a_relative_database_lies_in_the_project(project: Path, restored: None, tmp_path: Path) -> None:
    config = settle_paths(mlflow_config(project), tmp_path / "project")
    assert config["server"]["mlflow_tracking_uri"] == f"sqlite:///{tmp_path}/project/mlflow.db"


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
    config = settle_paths(mlflow_config(project, mlflow_uri=uri, mlflow_artifacts=artifacts), tmp_path)
    assert config["server"]["mlflow_tracking_uri"] == uri
    options = config["tracking"]["experiment"]["create_experiment_kwargs"]
    assert options == ({"artifact_location": artifacts} if kept else {})


def test_only_rank_0_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert hooks_of_rank_0() == ()
    monkeypatch.setenv("RANK", "0")
    assert [type(hook) for hook in hooks_of_rank_0()] == [MlflowTracking]


def test_kedro_does_not_call_the_plugin_as_well() -> None:
    assert metadata("kedro-mlflow")["Name"] in DISABLE_HOOKS_FOR_PLUGINS  # Kedro takes it to the letter


def test_on_azure_a_parameter_is_cut_to_what_its_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    plugin = SimpleNamespace(
        before_pipeline_run=lambda *_: None, before_node_run=lambda node, catalog, inputs, is_async: seen.update(inputs)
    )
    monkeypatch.setattr(mlflow_tracking, "_plugin", lambda: plugin)
    values = {"params:toy": {"sizes": [32] * 300, "epochs": 3, "inner": {"name": "x" * 501}}}
    hook = MlflowTracking()
    for runner, longest in (("SequentialRunner", 501), ("AzurePipelinesRunner", 500)):
        hook.before_pipeline_run({"runner": runner}, Pipeline([]), DataCatalog())
        hook.before_node_run(Node(print, "params:toy", None, name="one"), DataCatalog(), dict(values), False)
        assert len(seen["params:toy"]["inner"]["name"]) == longest
        assert seen["params:toy"]["epochs"] == 3
    assert seen["params:toy"]["sizes"] == str([32] * 300)[:500]
