"""A registry with a small matcher and a small detector, small styles, and the service over them."""

from __future__ import annotations

import base64
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.kedro_project import restoring
from tests.serving.conftest import EXAMPLE, detector_folder, features, matcher, model_folder, shelf_folder
from tests.shelf.tiny import draw_photo
from triptych.service.app import create_app
from triptych.service.params import ServiceParams
from triptych.service.sources import Settings

__all__ = ["EXAMPLE", "detector_folder", "features", "matcher", "model_folder", "shelf_folder"]

QUESTION = {"title": "topic3x topic3y", "body": "<p>array <code>loop</code></p>"}
TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105
PARAMS = ServiceParams().replace(poll_s=0.1, retry_s=0.0)


def encode_photo(seed: int = 1) -> bytes:
    file = io.BytesIO()
    draw_photo(seed).save(file, "PNG")
    return file.getvalue()


def encode_text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


class Registry:
    """MLflow's, in a database, to which models that are saved already are added."""

    def __init__(self, folder: Path) -> None:
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self._artifacts = folder / "artifacts"

    def add(self, name: str, model: Path, *, promote: bool = True) -> int:
        import mlflow

        from triptych.registry import ModelRegistry

        with restoring():
            mlflow.set_tracking_uri(self.uri)
            client = mlflow.MlflowClient()
            experiments = client.search_experiments(filter_string="name = 'service'")
            known = experiments[0].experiment_id if experiments else None
            experiment = known or client.create_experiment("service", self._artifacts.as_uri())
            run = client.create_run(experiment)
            client.log_artifacts(run.info.run_id, str(model), "model")
            version = int(mlflow.register_model(f"runs:/{run.info.run_id}/model", name).version)
            if promote:
                ModelRegistry().promote(name, version)
        return version


@pytest.fixture(scope="session")
def registry(
    model_folder: Path, shelf_folder: Path, empty_tracking: Path, tmp_path_factory: pytest.TempPathFactory
) -> Registry:
    folder = tmp_path_factory.mktemp("served")
    (folder / "mlflow.db").write_bytes(empty_tracking.read_bytes())
    registry = Registry(folder)
    registry.add("faq-matcher", model_folder)
    registry.add("shelf-detector", shelf_folder)
    return registry


@pytest.fixture(scope="session")
def style_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.video.styles import save_style, save_styles

    folder = tmp_path_factory.mktemp("styles")
    save_styles(folder, 2, ("ink", "dots"))
    return save_style(folder, 1)


MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def make_settings(registry: Registry, style_model: Path) -> MakeSettings:
    """Return a function that makes settings: the workloads, and whatever else is to be changed."""

    def make(*workloads: Any, params: ServiceParams = PARAMS, **changes: Any) -> Settings:
        models = {"faq": "faq-matcher", "shelf": "shelf-detector"}
        given: dict[str, Any] = {"tracking_uri": registry.uri, "models": models, "style_model": style_model}
        return Settings(workloads=workloads, params=params, **given | changes)

    return make


@contextmanager
def running(app: FastAPI, timeout_s: float = 120) -> Iterator[TestClient]:
    """Run an application until the block ends; yields when it is ready."""
    with restoring(), TestClient(app, base_url="http://127.0.0.1:8000") as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200, timeout_s)
        _forget_server()
        yield client


def _forget_server() -> None:
    """Unset what loading a version sets for a process of the service: here other tests follow while it runs."""
    import mlflow

    mlflow.set_tracking_uri("")
    os.environ.pop("MLFLOW_TRACKING_URI", None)


def wait_until(is_done: Callable[[], bool], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def client(make_settings: MakeSettings) -> Iterator[TestClient]:
    """The whole service."""
    with running(create_app(make_settings("faq", "shelf", "video"))) as client:
        yield client


def in_threads(count: int, function: Callable[[int], Any]) -> list[Any]:
    """Call a function in threads at once, each with its number."""
    results: list[Any] = [None] * count

    def call(number: int) -> None:
        results[number] = function(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
