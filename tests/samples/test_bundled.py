"""The bundled photos are what the renderer draws, in the formats users bring."""

from __future__ import annotations

import json

import cv2
import numpy as np

from tests.conftest import ROOT
from triptych.samples.shelves import render_photo

SHELF = ROOT / "data/01_raw/shelf"


def test_the_sample_is_small() -> None:
    sizes = [p.stat().st_size for name in ("shelf", "shelf_new") for p in (ROOT / "data/01_raw" / name).rglob("*.*")]
    assert sum(sizes) < 3.5e6


def test_every_photo_has_annotations_in_both_formats() -> None:
    content = json.loads((SHELF / "instances.json").read_text(encoding="utf-8"))
    stems = {image["file_name"].removesuffix(".jpg") for image in content["images"]}
    assert len(stems) == 140
    assert {p.stem for p in (SHELF / "JPEGImages").iterdir()} == stems
    assert {p.stem for p in (SHELF / "Annotations").iterdir()} == stems
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    assert 10 <= 140 - len(annotated) <= 40


def test_the_first_photos_are_drawn_by_the_present_code() -> None:
    # Other versions of NumPy and OpenCV may differ in a few pixels, hence no bytes.
    for folder, seed in ((SHELF / "JPEGImages", 0), (SHELF.parent / "shelf_new", 1)):
        bundled = np.asarray(cv2.imread(str(folder / "shelf_00001.jpg")))[..., ::-1].astype(int)
        rendered = render_photo(seed, 1, 384, 256).pixels
        assert np.abs(bundled - rendered).mean() < 8


def test_the_readme_counts_right() -> None:
    content = json.loads((SHELF / "instances.json").read_text(encoding="utf-8"))
    readme = " ".join((SHELF / "README.md").read_text(encoding="utf-8").split())
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    assert f"{len(content['images'])} pictures" in readme
    assert (
        f"{len(content['annotations'])} gaps where facings are empty; {140 - len(annotated)} pictures show none"
        in readme
    )
