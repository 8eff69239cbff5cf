"""Results on disk are found again only for the same photo and model, and only if they are whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shelf.shapes import detect
from triptych.shelf.scoring.scored_photos import Result, ScoredPhotos

RESULT = Result(30, 20, [detect(0, [1.0, 2.0, 3.0, 4.0], 0.5)])
PHOTO = "ab" * 16


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.pt").write_bytes(b"weights")
    return folder


def test_what_is_saved_is_found_by_photo_and_model(tmp_path: Path, model: Path) -> None:
    store = ScoredPhotos(tmp_path / "scored", model)
    assert store.load(PHOTO) is None
    store.save(PHOTO, RESULT)
    assert ScoredPhotos(tmp_path / "scored", model).load(PHOTO) == RESULT
    assert store.load("cd" * 16) is None
    assert [path.suffix for path in tmp_path.rglob("scored/**/*") if path.is_file()] == [".json"]
    (model / "weights.pt").write_bytes(b"others")
    assert ScoredPhotos(tmp_path / "scored", model).load(PHOTO) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"photo": 1}', json.dumps({"photo": PHOTO, "width": 1, "height": 1, "detections": [{}]})],
)
def test_a_damaged_result_is_none(tmp_path: Path, model: Path, text: str) -> None:
    store = ScoredPhotos(tmp_path / "scored", model)
    store.save(PHOTO, RESULT)
    (file,) = (tmp_path / "scored").rglob("*.json")
    file.write_text(text, encoding="utf-8")
    assert store.load(PHOTO) is None
    file.write_bytes(b"\xff\xfe\x00")
    assert store.load(PHOTO) is None


def test_a_result_under_another_photos_name_is_none(tmp_path: Path, model: Path) -> None:
    store = ScoredPhotos(tmp_path / "scored", model)
    store.save(PHOTO, RESULT)
    (file,) = (tmp_path / "scored").rglob("*.json")
    file.rename(file.with_name(f"{PHOTO[:2]}{'0' * 30}.json"))
    assert store.load(PHOTO[:2] + "0" * 30) is None
