from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands.conftest import Call
from tests.shelf.tiny import draw_photo
from triptych.commands.cli import find
from triptych.shelf.model.files import load_model
from triptych.shelf.model.prediction import predict_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of photos, two of them good, one in a folder below."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    draw_photo(1).save(folder / "Régal 1.png")
    (folder / "bad.jpg").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("not looked at")
    draw_photo(2).save(folder / "deep" / "Régal 1.png")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def expect(model: Path, path: Path, threshold: float) -> list[tuple[float, ...]]:
    found = next(iter(predict_photos(load_model(model), [(0, np.asarray(Image.open(path)))], 1)))
    rows = [(item["score"], *item["bbox"]) for item in found if item["score"] >= threshold]
    return sorted(rows, reverse=True)


def test_a_bad_photo_loses_no_other(call: Call, detector_folder: Path, photos: Path) -> None:
    words = (photos, "--model", detector_folder, "--threshold", 0.06)
    result = call(find, *words, "--format", "csv", code=1)
    assert f"{photos / 'bad.jpg'}: no photo in a format that is read" in result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    names = [photos / "Régal 1.png", photos / "deep" / "Régal 1.png"]
    assert [row["file"] for row in rows] == [str(name) for name in names for _ in expect(detector_folder, name, 0.06)]
    given = [tuple(float(row[key]) for key in ("score", "x", "y", "width", "height")) for row in rows]
    assert given == [row for name in names for row in expect(detector_folder, name, 0.06)]
    assert {row["category"] for row in rows} == {"gap"}
    shown = call(find, *words, code=1)
    assert f"{names[0]}: {len(expect(detector_folder, names[0], 0.06))} found (scores " in shown.stdout


def test_coco_s_own_library_reads_what_is_written(
    call: Call, detector_folder: Path, photos: Path, tmp_path: Path
) -> None:
    from pycocotools.coco import COCO

    path = photos / "Régal 1.png"
    written = call(find, path, "--model", detector_folder, "--threshold", 0.06, "--format", "coco").stdout
    (tmp_path / "found.json").write_text(written)
    coco = COCO(str(tmp_path / "found.json"))
    expected = expect(detector_folder, path, 0.06)
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == [str(path)]
    assert [(item["score"], *item["bbox"]) for item in coco.loadAnns(coco.getAnnIds())] == expected
    assert coco.annToMask(coco.loadAnns(coco.getAnnIds())[0]).shape == (64, 96)
    assert json.loads(written)["categories"] == [{"id": 1, "name": "gap"}]


def test_pictures_are_drawn_one_or_many(call: Call, detector_folder: Path, photos: Path, tmp_path: Path) -> None:
    model = ("--model", detector_folder, "--threshold", 0.06)
    one = tmp_path / "new" / "one.jpg"
    call(find, photos / "Régal 1.png", *model, "--out", one)
    assert Image.open(one).format == "JPEG"
    assert Image.open(one).width == 1024
    out = tmp_path / "drawn"
    call(find, photos, *model, "--out", out, code=1)
    assert sorted(path.name for path in out.iterdir()) == ["Régal 1-2.png", "Régal 1.png"]
    assert "is there already: --force replaces it" in call(find, photos, *model, "--out", out, code=2).stderr
    call(find, photos, *model, "--out", out, "--force", code=1)
    assert "name a folder" in call(find, photos, *model, "--out", tmp_path / "x.png", code=2).stderr


def test_a_photo_is_never_drawn_over(call: Call, detector_folder: Path, photos: Path) -> None:
    before = (photos / "Régal 1.png").read_bytes()
    words = (photos / "Régal 1.png", "--model", detector_folder, "--force", "--out")
    for out in (photos, photos / "Régal 1.png"):
        assert "would replace a photo" in call(find, *words, out, code=2).stderr
    assert (photos / "Régal 1.png").read_bytes() == before


def test_what_is_wrong_is_said(call: Call, detector_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no photo in" in call(find, tmp_path / "empty", "--model", detector_folder, code=1).stderr
    assert "holds no model" in call(find, detector_folder / "weights.pt", "--model", tmp_path / "empty", code=1).stderr
    call(find, tmp_path / "none.jpg", code=2)


def test_a_folder_may_be_called_as_a_photo_is(call: Call, detector_folder: Path, photos: Path) -> None:
    (photos / "bad.jpg").unlink()
    (photos / "deep").rename(photos / "deep.jpg")
    shown = call(find, photos, "--model", detector_folder).stdout
    assert [line.split(": ")[0] for line in shown.splitlines()] == [
        str(photos / "Régal 1.png"),
        str(photos / "deep.jpg" / "Régal 1.png"),
    ]


def test_a_threshold_of_nothing_leaves_nothing_out(call: Call, detector_folder: Path, photos: Path) -> None:
    sure = Path(shutil.copytree(detector_folder, photos.parent / "sure"))
    about = json.loads((sure / "model.json").read_text())
    (sure / "model.json").write_text(json.dumps(about | {"score_threshold": 0.9}))
    words = (photos / "Régal 1.png", "--model", sure, "--format", "csv")
    assert len(call(find, *words).stdout.splitlines()) == 1
    assert len(call(find, *words, "--threshold", 0).stdout.splitlines()) > 1
    for wrong in ("nan", "inf", "-1"):
        assert "--threshold" in call(find, *words, "--threshold", wrong, code=2).stderr


def test_a_name_that_is_no_text_is_printed_as_it_is(call: Call, detector_folder: Path, photos: Path) -> None:
    name = os.fsencode(photos) + b"/\xff.png"
    (photos / "Régal 1.png").rename(os.fsdecode(name))
    for shape in ("csv", "text"):
        result = call(find, os.fsdecode(name), "--model", detector_folder, "--threshold", 0, "--format", shape)
        assert name in result.stdout_bytes


def test_a_place_that_cannot_be_written_is_named(call: Call, detector_folder: Path, photos: Path) -> None:
    (photos / "file").write_text("")
    words = (photos / "Régal 1.png", "--model", detector_folder, "--out")
    assert f"Error: {photos / 'file'}" in call(find, *words, photos / "file" / "x.png", code=1).stderr
    assert "not written to standard output" in call(find, *words, "-", code=2).stderr
