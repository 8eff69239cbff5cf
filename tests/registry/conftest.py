"""Places to register models in: a database, and a server that lacks what Azure ML's lacks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.registry.servers import Proxy, azure_like_server
from triptych.registry import Decision, NewVersion

MakeCandidate = Callable[..., NewVersion]


@dataclass
class Store:
    """Where models are registered, and a name of their own in it."""

    uri: str
    name: str
    has_aliases: bool
    proxy: Proxy | None = None

    @property
    def client(self) -> Any:
        import mlflow

        return mlflow.MlflowClient()

    def tags(self, version: int) -> dict[str, str]:
        return dict(self.client.get_model_version(self.name, str(version)).tags)


@pytest.fixture(scope="session")
def azure_like(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with azure_like_server(tmp_path_factory.mktemp("azure_like") / "server") as proxy:
        yield proxy


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    # One for all tests: making its tables takes seconds.
    return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"


@pytest.fixture(params=["database", "azure_like"])
def store(request: pytest.FixtureRequest, tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> Store:
    import mlflow

    monkeypatch.chdir(tmp_path)
    name = f"model-{uuid.uuid4().hex[:8]}"
    if request.param == "azure_like":
        proxy: Proxy = request.getfixturevalue("azure_like")
        proxy.refused.clear()
        made = Store(proxy.address, name, has_aliases=False, proxy=proxy)
    else:
        made = Store(request.getfixturevalue("database"), name, has_aliases=True)
    mlflow.set_tracking_uri(made.uri)
    mlflow.set_experiment("registrations")  # MLflow keeps an earlier test's, which is none of this store
    return made


def write_model(text: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
    (folder / "weights.txt").write_text(text, encoding="utf-8")


@pytest.fixture
def make_new_version(store: Store) -> MakeCandidate:
    """Return a function that makes a small candidate: its text, its decision, and whatever else to change."""

    def make(text: str = "weights", decision: Decision | None = None, **changes: Any) -> NewVersion:
        candidate = NewVersion(
            name=store.name,
            write=partial(write_model, text),
            report={"metrics.json": '{"mrr": 0.5}'},
            metrics={"faq.known.model.mrr": 0.5},
            parameters={"faq.split.seed": 3},
            tags={"data_fingerprint": "abc"},
            decision=decision or Decision(True, "because"),
        )
        return replace(candidate, **changes)

    return make
