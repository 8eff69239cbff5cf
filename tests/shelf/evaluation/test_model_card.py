"""The detector's model card."""

from __future__ import annotations

import hashlib
import io
import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.shelf.tiny import draw_photo, write_data, write_model
from triptych.registry import ModelRegistry, NewVersion, PromotedModel, register
from triptych.serving.shelf_export import save_shelf_model
from triptych.shelf.data.dataset import select_role
from triptych.shelf.evaluation import promotion
from triptych.shelf.evaluation.detections import detect_objects
from triptych.shelf.evaluation.model_card import fingerprint_data, make_new_version, pick_example
from triptych.shelf.evaluation.promotion import hash_photos
from triptych.shelf.model.files import load_model
from triptych.shelf.params import EvaluationParams, ExportParams, RegistrationParams
from triptych.storage.local_files import hash_file

METRICS = {"test.box.map": 0.85321, "test.box.map_50": 0.97, "test.f1": 0.9}
SHEET = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


class EmptyRegistry(ModelRegistry):
    """A registry in which nothing was promoted yet."""

    def find_promoted(self, name: str) -> None:
        return None


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, dict[str, Any], pd.DataFrame]:
    return write_data(tmp_path / "photos")


def make(data: Any, model: Path, registry: ModelRegistry | None = None) -> NewVersion:
    go = pytest.importorskip("plotly.graph_objects", reason="plotly, which draws figures, is not installed")
    counts = pd.DataFrame({"file_name": ["a.jpg"], "error": [-1]})
    truth = select_role(data[1], data[2], "test")
    found = detect_objects(load_model(model), data[0], truth, 4)
    card: Any = [{"epochs": 2}, found, METRICS, counts, go.Figure(), SHEET, registry or EmptyRegistry()]
    photos, annotations, roles = data
    params: list[Any] = [RegistrationParams(), EvaluationParams(bootstrap_samples=20)]
    params.append(partial(save_shelf_model, drift_reference=pd.DataFrame({"brightness": [0.5]})))
    return make_new_version(photos, annotations, roles, model, *card, *params)


def test_the_model_card_is_complete(data: Any, tmp_path: Path) -> None:
    candidate = make(data, write_model(tmp_path / "model"))
    assert (candidate.name, candidate.decision.promoted) == ("shelf-detector", True)
    report = candidate.report
    assert json.loads(report["metrics.json"]) == METRICS
    assert json.loads(report["training.json"]) == {"epochs": 2}
    assert str(report["counts.csv"]).splitlines() == ["file_name,error", "a.jpg,-1"]
    assert len(json.loads(report["provenance.json"])["trained_on"]) == 4
    assert "Plotly.newPlot" in str(report["precision_recall.html"])
    assert "<script src=" not in str(report["precision_recall.html"])
    picture = report["overlays.png"]
    assert isinstance(picture, bytes)
    with Image.open(io.BytesIO(picture)) as image:
        assert (np.asarray(image) == SHEET).all()
    assert candidate.metrics["shelf.test.box.map"] == 0.85321
    assert candidate.parameters["shelf.registration.metric"] == "box.map"
    assert candidate.parameters["shelf.model.backbone"] == "resnet18"
    assert candidate.tags["test.box.map"] == "0.8532"
    assert "test.f1" not in candidate.tags
    assert len(candidate.tags["data_fingerprint"]) == 16


def test_the_example_is_a_test_photo_with_objects_if_there_is_one(data: Any) -> None:
    photos, annotations, roles = data
    assert pick_example(*data) == photos / "images/photo_05.png"
    assert pick_example(photos, annotations, roles[roles["role"] != "test"]).name == "photo_01.png"
    bare = {**annotations, "annotations": []}
    assert pick_example(photos, bare, roles).name == "photo_05.png"


def test_the_fingerprint_is_of_photos_annotations_and_roles(data: Any) -> None:
    photos, annotations, roles = data
    hashes = hash_photos(photos, annotations["images"])
    before = fingerprint_data(hashes, annotations, roles)
    changed = [
        (hashes, {**annotations, "categories": [{"id": 1, "name": "label"}]}, roles),
        (hashes, annotations, roles.assign(role="train")),
    ]
    assert len({before, *(fingerprint_data(*case) for case in changed)}) == 3
    draw_photo(77).save(photos / "images/photo_03.png")
    assert fingerprint_data(hash_photos(photos, annotations["images"]), annotations, roles) != before


def test_a_photo_is_hashed_as_its_file_is(data: Any) -> None:
    photos, annotations, _ = data
    path = photos / "images/photo_02.png"
    assert hash_photos(photos, annotations["images"])[2] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tracked(tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let MLflow write into a database of the test's own."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("registrations")


@pytest.mark.skipif(not find_spec("mlflow"), reason="MLflow is not installed")
def test_photos_are_hashed_once_and_looked_at_by_the_promoted_version_only(
    data: Any, tmp_path: Path, tracked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_model(tmp_path / "model")
    register(make(data, model, ModelRegistry()))
    hashed, looked = [], []

    def hash_watched(path: Path) -> str:
        hashed.append(path.name)
        return hash_file(path)

    def detect_watched(*arguments: Any) -> Any:
        looked.append(arguments)
        return detect_objects(*arguments)

    monkeypatch.setattr(promotion, "hash_file", hash_watched)
    monkeypatch.setattr(promotion, "detect_objects", detect_watched)
    assert make(data, model, ModelRegistry()).decision.compared_with == 1
    assert sorted(hashed) == sorted(image["file_name"] for image in data[1]["images"])
    assert len(looked) == 1


@pytest.mark.skipif(not find_spec("mlflow"), reason="MLflow is not installed")
def test_a_version_is_compared_with_the_one_before(data: Any, tmp_path: Path, tracked: None) -> None:
    model = write_model(tmp_path / "model")
    first, second = (register(make(data, model, ModelRegistry())) for _ in range(2))
    assert (first["version"], first["promoted"]) == (1, True)
    assert (second["version"], second["promoted"], second["compared_with"]) == (2, False, 1)
    assert (second["difference"], second["same_test_set"], second["left_out_photos"]) == (0, True, 0)
    (tmp_path / "fetched").mkdir()
    fetched = PromotedModel("shelf-detector", 2).download("artifacts/detector", tmp_path / "fetched")
    assert sorted(path.name for path in fetched.iterdir()) == ["model.json", "weights.pt"]
    if find_spec("onnx") and find_spec("onnxruntime"):  # here, as a registry of its own takes seconds
        export_promoted(data, tmp_path)


def export_promoted(data: Any, tmp_path: Path) -> None:
    """Export the promoted version, and not the one that was trained last."""
    from triptych.pipelines.shelf_export.nodes import export_detector

    export = ExportParams(source="promoted", formats=("onnx",), least_score=0.06)
    photos, annotations, roles = data
    latest = write_model(tmp_path / "latest", categories=("other",))
    run = partial(export_detector, photos, annotations, roles, latest, ModelRegistry())
    files, report = run(RegistrationParams(), export)
    description = json.loads((files.path / "detector.json").read_text())
    assert (description["categories"], report["photos"]) == (["gap"], 2)
    assert report["formats"]["onnx"]["detections"] > 0
    assert sorted(path.name for path in files.path.iterdir()) == ["detector.json", "detector.onnx"]
    with pytest.raises(ValueError, match="no version of nobody is promoted: run shelf, or set export.source to train"):
        run(RegistrationParams(name="nobody"), export)
