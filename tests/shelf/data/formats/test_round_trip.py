"""The sample's annotations, written in each format by other code, are read back as they were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.shelf.data.formats import writers
from triptych.shelf.data.dataset import decode_mask
from triptych.shelf.data.ingest import ingest_folder
from triptych.shelf.params import IngestParams

SAMPLE = ROOT / "data" / "01_raw" / "shelf"
PHOTOS = 12

Write = Callable[[Path, dict[str, Any]], None]
BOXES: dict[str, tuple[str, Write]] = {
    "yolo": ("yolo", writers.write_yolo),
    "labelme rectangles": ("labelme", writers.write_labelme_rectangles),
    "cvat boxes": ("cvat", writers.write_cvat_boxes),
    "createml": ("createml", writers.write_createml),
    "azureml": ("azureml", writers.write_azureml),
}
MASKS: dict[str, tuple[str, Write]] = {
    "yolo outlines": ("yolo", writers.write_yolo_outlines),
    "labelme": ("labelme", writers.write_labelme),
    "labelme masks": ("labelme", writers.write_labelme_masks),
    "cvat polygons": ("cvat", writers.write_cvat_polygons),
    "cvat masks": ("cvat", writers.write_cvat_masks),
    "azureml outlines": ("azureml", writers.write_azureml_outlines),
}


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    """Return the first photos of the sample, gaps in two categories, each of one outline."""
    coco = json.loads((SAMPLE / "instances.json").read_text())
    several = {item["image_id"] for item in coco["annotations"] if len(item["segmentation"]) > 1}
    images = [image for image in coco["images"] if image["id"] not in several][:PHOTOS]
    ids = {image["id"] for image in images}
    items = [{**item, "category_id": 1 + item["id"] % 2} for item in coco["annotations"] if item["image_id"] in ids]
    images = [{**image, "file_name": f"images/{Path(image['file_name']).name}"} for image in images]
    return {
        "images": images,
        "annotations": items,
        "categories": [{"id": 1, "name": "empty shelf"}, {"id": 2, "name": "Lücke, groß"}],
    }


def read_back(folder: Path, sample: dict[str, Any], form: str, write: Write) -> dict[str, Any]:
    raw = folder / "raw"
    (raw / "images").mkdir(parents=True)
    for image in sample["images"]:
        shutil.copyfile(SAMPLE / "JPEGImages" / Path(image["file_name"]).name, raw / image["file_name"])
    write(raw, sample)
    annotations, quarantine, report = ingest_folder(raw, IngestParams(workers=1), folder / "photos")
    assert quarantine.to_dict("records") == []
    assert {name for name in report if name.endswith("_files") and report[name]} == {f"{form}_files"}
    return annotations


def by_photo(annotations: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {Path(image["file_name"]).name: writers.objects_of(annotations, image) for image in annotations["images"]}


def surround(points: Any) -> list[float]:
    """Give the box around points, shape (n, 2)."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return [left, top, right - left, bottom - top]


@pytest.mark.parametrize("name", BOXES)
def test_boxes_come_back_as_they_were(name: str, sample: dict[str, Any], tmp_path: Path) -> None:
    read, written = by_photo(read_back(tmp_path, sample, *BOXES[name])), by_photo(sample)
    assert read.keys() == written.keys()
    for photo, items in written.items():
        assert [item["name"] for item in read[photo]] == [item["name"] for item in items]
        assert not any("segmentation" in item for item in read[photo])
        for one, other in zip(items, read[photo], strict=True):
            np.testing.assert_allclose(other["bbox"], one["bbox"], atol=0.02)


@pytest.mark.parametrize("name", MASKS)
def test_masks_come_back_as_they_were(name: str, sample: dict[str, Any], tmp_path: Path) -> None:
    read, written = by_photo(read_back(tmp_path, sample, *MASKS[name])), by_photo(sample)
    assert read.keys() == written.keys()
    for photo, items in written.items():
        assert [item["name"] for item in read[photo]] == [item["name"] for item in items]
        for one, other in zip(items, read[photo], strict=True):
            outline = np.reshape(one["segmentation"][0], (-1, 2))
            if "masks" in name:
                expected = writers.draw_mask(one["segmentation"], (384, 256))
                np.testing.assert_array_equal(decode_mask(other["segmentation"], 256, 384), expected)
                corners = np.argwhere(expected)[:, ::-1]
                np.testing.assert_allclose(other["bbox"], surround(np.concatenate([corners, corners + 1])))
            else:
                np.testing.assert_allclose(other["segmentation"], [outline.ravel()], atol=0.02)
                np.testing.assert_allclose(other["bbox"], surround(outline), atol=0.02)
