"""What lands is looked at by the promoted version."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kedro.pipeline import Pipeline

from tests.jobs.conftest import MakeSettings
from tests.watcher.conftest import MakeWatcher
from triptych.hooks import ModelInUse
from triptych.jobs.store import Job, JobStore
from triptych.pipelines import faq, faq_score, shelf_score
from triptych.registry import Decision, ModelRegistry, NewVersion, register


def promote(address: str, folder: Path, text: str) -> None:
    """Register a version that is no model but has its files."""

    def write(place: Path) -> None:
        (place / "artifacts" / "matcher").mkdir(parents=True)
        (place / "artifacts" / "matcher" / "about.json").write_text(text)
        (place / "MLmodel").write_text("flavors: {}\n")

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    if mlflow.get_experiment_by_name("here") is None:
        mlflow.create_experiment("here", artifact_location=str(folder))
    mlflow.set_experiment("here")
    new: dict[str, Any] = {"report": {}, "metrics": {}, "parameters": {}, "tags": {}}
    made = register(NewVersion("faq-matcher", write, decision=Decision(False, "by hand"), **new))
    ModelRegistry().promote("faq-matcher", made["version"])
    mlflow.set_tracking_uri(before)


def test_the_promoted_version_is_taken_and_fetched_once(
    make_watcher: MakeWatcher,
    make_settings: MakeSettings,
    landing: Path,
    tmp_path: Path,
    empty_tracking: Path,
    monkeypatch: pytest.MonkeyPatch,
    restored: None,
) -> None:
    settings = make_settings()
    watcher = make_watcher(settings)
    address = f"sqlite:///{shutil.copy(empty_tracking, tmp_path / 'mlflow.db')}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)

    def land(name: str) -> Job:
        (landing / name).write_text("title\nWhy?\n")
        watcher.look()
        return JobStore(settings.folder).list()[0]

    assert "faq_model" not in land("first.csv").request().parameters
    texts = []
    for number, name in enumerate(("second.csv", "third.csv", "fourth.csv")):
        if number != 1:
            promote(address, tmp_path / "artifacts", name)
        model = Path(land(name).request().parameters["faq_model"])
        texts.append((model.name.rpartition("-")[0], (model / "about.json").read_text()))
    first, last = ("faq-matcher-version-1", "second.csv"), ("faq-matcher-version-2", "fourth.csv")
    assert texts == [first, first, last]
    assert len(list((settings.folder / "models").iterdir())) == 2
    mine = make_watcher(settings, parameters={"faq_model": str(landing)})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    (landing / "mine.csv").write_text("title\nWhy?\n")
    mine.look()
    assert JobStore(settings.folder).list()[0].request().parameters["faq_model"] == str(landing)


@pytest.mark.parametrize(
    ("pipeline", "given", "said"),
    [
        (faq_score, {"faq_model": "models/faq-matcher-version-3"}, "faq.matcher is models/faq-matcher-version-3"),
        (shelf_score, {}, "shelf.model is that of the last run which made one"),
        (faq, {}, ""),
    ],
)
def test_a_run_says_which_model_it_uses(
    pipeline: Any, given: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    made: Pipeline = pipeline.create_pipeline()
    with caplog.at_level(logging.INFO):
        ModelInUse().before_pipeline_run({"runtime_params": given}, made)
    assert [record.message for record in caplog.records] == [said][: bool(said)]
