"""Validation reads each photo once, and gives the figures that the photos on disk have."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.shelf.lessons import DETECTOR, TRAINING, learn, paint_objects
from tests.shelf.tiny import write_data
from triptych.shelf.data.dataset import read_ingested, select_role
from triptych.shelf.evaluation.coco_metrics import evaluate_detections
from triptych.shelf.model.files import load_detector
from triptych.shelf.model.prediction import predict_photos

SMALL = DETECTOR.replace(min_size_px=48, max_size_px=72)  # of photos of 96 x 64 pixels


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no photo have been prepared by another test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize(("cache_mb", "times"), [(10, 1), (0, 2)])
def test_a_photo_is_read_once_at_all_or_once_a_validation(
    tmp_path: Path, read: Counter[str], cache_mb: int, times: int
) -> None:
    data = write_data(tmp_path / "photos", 9)
    learn(tmp_path, data=data, training=TRAINING.replace(epochs=2, cache_mb=cache_mb))
    judged = data[2].loc[data[2]["role"] == "validation", "file_name"]
    assert [read[name] for name in judged] == [times] * 3


def test_figures_are_those_of_the_photos_on_disk(tmp_path: Path) -> None:
    data = paint_objects(write_data(tmp_path / "photos", 24))
    training = TRAINING.replace(epochs=12, evaluate_every_epochs=12, learning_rate=0.003)
    model, _, report = learn(tmp_path, data=data, detector=SMALL, training=training)
    truth = select_role(data[1], data[2], "validation")
    images = ((image["id"], read_ingested(data[0], image)) for image in truth["images"])
    found = [item for items in predict_photos(load_detector(model.path), images, 3, "fp32") for item in items]
    expected = evaluate_detections(truth, found, masks=True)
    assert expected["box.map_50"] > 0
    assert report["validation"] == pytest.approx(expected, abs=1e-3)


def test_the_cache_is_one_for_training_and_validation(tmp_path: Path) -> None:
    """Photos of 1 MB: three are learnt from, and of the three to be judged one fits as well."""
    from triptych.shelf.preparation.learning_data import prepare_data
    from triptych.shelf.training.trainer import Trainer

    photos, annotations, roles = write_data(tmp_path, 9)
    for image in annotations["images"]:
        image |= {"width": 720, "height": 480}
        enlarge(photos / "images" / image["file_name"])
    detector = DETECTOR.replace(min_size_px=480, max_size_px=720)
    training = TRAINING.replace(cache_mb=4)
    trainer = Trainer(prepare_data(photos, annotations, roles, detector), detector, training)
    assert (trainer._store.kept, trainer._validator._batches.store.kept) == (3, 1)


def enlarge(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as photo:
        photo.resize((720, 480)).save(path)
