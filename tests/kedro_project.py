"""Runs of the project in this process, and the state they leave put back: a plugin of conftest.py, where Kedro is."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

# Read when Kedro is first imported.
os.environ["KEDRO_LOGGING_CONFIG"] = str(ROOT / "tests" / "logging.yml")

from triptych.startup import prepare

prepare()

import pytest  # noqa: E402
from kedro.framework.project import configure_project, pipelines  # noqa: E402
from kedro.framework.session import KedroSession  # noqa: E402
from kedro.framework.startup import bootstrap_project  # noqa: E402
from kedro.runner import AbstractRunner, SequentialRunner  # noqa: E402

from triptych.tuning.pipeline import use_parameters  # noqa: E402

configure_project("triptych")  # tests list the pipelines when they are collected
RunProject = Callable[..., Path]


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's folder; Kedro knows the project."""
    bootstrap_project(ROOT)
    return ROOT


@pytest.fixture(scope="session")
def own_tracking(empty_tracking: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what makes a session track in a database of this process.

    The project's own is its user's, and one that several processes of tests create and write to at once fails some.
    """
    return {"mlflow_uri": f"sqlite:///{shutil.copy(empty_tracking, tmp_path_factory.mktemp('own_tracking'))}"}


@contextmanager
def restoring() -> Iterator[None]:
    """Put environment, import path, warnings, MLflow's state and the shape of searches back after a run here."""
    environment, path = dict(os.environ), list(sys.path)
    with warnings.catch_warnings():
        yield
    if mlflow := sys.modules.get("mlflow"):
        while mlflow.active_run():
            mlflow.end_run("KILLED")
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri("")  # kedro-mlflow sets it, and it would go before the tracking server's own
    if hook := sys.modules.get("kedro_mlflow.framework.hooks.mlflow_hook"):
        hook.mlflow_hook.run_id = None  # a failed run leaves it, and workers of a later runner would look for that run
    use_parameters({})
    pipelines.set_requested(None)  # a run loads those it was asked for, and no others
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path


@pytest.fixture
def restored() -> Iterator[None]:
    """Put back, after a test, what a run in this process changes."""
    with restoring():
        yield


@pytest.fixture(scope="session")
def empty_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of MLflow's without a run: every new one takes most of a second."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("empty_tracking") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def run_at(folder: Path, work: Path, empty_tracking: Path, pipeline: str, **options: Any) -> Path:
    """Run a pipeline of the project in a folder, everything it writes going under `work`."""
    data_root = work / "data"
    if not (work / "mlflow.db").exists():
        shutil.copy(empty_tracking, work)
    params = {
        "data_root": str(data_root),
        "mlflow_uri": f"sqlite:///{work / 'mlflow.db'}",
        "mlflow_artifacts": str(work / "mlartifacts"),
        **(options.pop("params", None) or {}),
    }
    runner: AbstractRunner = options.pop("runner", None) or SequentialRunner()
    session: Any  # typed as the abstract one by Kedro
    create = {name: options.pop(name, None) for name in ("env", "conf_source")}
    with KedroSession.create(folder, runtime_params=params, **create) as session:
        session.run(pipeline_names=[pipeline], runner=runner, **options)
    return data_root


@pytest.fixture
def run_project(
    project: Path, empty_tracking: Path, tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch
) -> RunProject:
    """Return a function that runs a pipeline of this project and returns its data_root.

    `run_project("faq", env="test", params={...}, **options_of_session_run)`; it may be called twice and
    then works on the same data_root, a fresh one for each test.
    """
    # kedro-viz writes into the project it finds from the working directory.
    monkeypatch.chdir(tmp_path)

    def run(pipeline: str = "__default__", **options: Any) -> Path:
        bootstrap_project(project)
        return run_at(project, tmp_path, empty_tracking, pipeline, **options)

    return run


@pytest.fixture(scope="session")
def run_in(project: Path, empty_tracking: Path) -> RunProject:
    """Return a function like `run_project` that takes the folder to work in first, for longer-lived fixtures."""

    def run(work: Path, pipeline: str = "__default__", **options: Any) -> Path:
        before = Path.cwd()
        with restoring():
            bootstrap_project(project)
            os.chdir(work)
            try:
                return run_at(project, work, empty_tracking, pipeline, **options)
            finally:
                os.chdir(before)

    return run


@pytest.fixture
def run_toy(
    project: Path, empty_tracking: Path, tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunProject]:
    """Return a function that runs the throw-away project in tests/toy, like `run_project`."""
    monkeypatch.chdir(tmp_path)
    folder = project / "tests" / "toy"

    def run(pipeline: str = "__default__", **options: Any) -> Path:
        bootstrap_project(folder)
        return run_at(folder, tmp_path, empty_tracking, pipeline, **options)

    yield run
    bootstrap_project(project)


@pytest.fixture(scope="session")
def toy_pipelines(project: Path) -> Any:
    """Return the pipelines of the throw-away project."""
    sys.path.insert(0, str(project / "tests" / "toy" / "src"))
    from toy.pipeline_registry import register_pipelines

    sys.path.pop(0)
    return register_pipelines()
