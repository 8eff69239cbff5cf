"""Saving registers, loading gives the record."""

from __future__ import annotations

import json
import pickle
from functools import partial
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tests.registry.conftest import write_model
from triptych.datasets import ModelRegistryDataset, RegisteredModelDataset
from triptych.registry import Decision, ModelRegistry, NewVersion


@pytest.fixture
def candidate(tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> NewVersion:
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("registrations")  # MLflow keeps an earlier test's, which is none of this store
    return NewVersion("model", partial(write_model, "x"), {}, {}, {}, {}, Decision(True, "first"))


def test_saving_registers_and_keeps_the_record(candidate: NewVersion, tmp_path: Path) -> None:
    dataset = RegisteredModelDataset(filepath=str(tmp_path / "made" / "registration.json"))
    assert not dataset.exists()
    for version in (1, 2):
        dataset.save(candidate)
        assert dataset.load()["version"] == version
    assert json.loads(dataset.preview())["reason"].startswith("version 1 was promoted meanwhile")
    promoted = ModelRegistryDataset().load().find_promoted("model")
    assert promoted
    assert promoted.version == 1


def test_no_record_is_written_of_what_was_not_registered(tmp_path: Path, candidate: NewVersion) -> None:
    def fail(folder: Path) -> None:
        raise OSError("disk full")

    dataset = RegisteredModelDataset(filepath=str(tmp_path / "registration.json"))
    with pytest.raises(DatasetError, match="disk full"):
        dataset.save(NewVersion("model", fail, {}, {}, {}, {}, candidate.decision))
    assert not dataset.exists()


def test_the_registry_is_an_input_that_worker_processes_can_have() -> None:
    dataset: ModelRegistryDataset = pickle.loads(pickle.dumps(ModelRegistryDataset()))  # noqa: S301
    assert dataset.exists()
    assert isinstance(dataset.load(), ModelRegistry)
    with pytest.raises(DatasetError, match="RegisteredModelDataset"):
        dataset.save("anything")
