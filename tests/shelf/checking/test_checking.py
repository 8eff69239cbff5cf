"""Whatever is planted in clean photos is found, and nothing in clean ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.shelf.raw_folders import draw
from triptych.shelf.checking.checking import Check, check_annotated
from triptych.shelf.checking.findings import MEANINGS, Finding, find_suspicious, list_groups
from triptych.shelf.checking.plots import plot_sizes
from triptych.shelf.checking.sheet import choose_photos
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.params import CheckParams, DetectorParams, SplitParams, TrainingParams
from triptych.shelf.preparation.fitting import fit_detector

SIZE = (400, 300)
ANCHORS = ((16,), (32,), (64,), (128,), (256,))
DETECTOR = DetectorParams(min_size_px=150, max_size_px=400, anchor_sizes=ANCHORS, aspect_ratios=(0.5, 1.0, 2.0))
NOTHING = pd.DataFrame(columns=["file", "kind", "reason"], dtype=object)
INGESTED = {"clipped_boxes": 2, "refused_objects": {"inverted box": 1}, "quarantine": {"refused_object": 1}}
GOOD = [50.0, 40.0, 60.0, 80.0]


class Shop:
    """Photos that look nothing alike, to be spoilt one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "images").mkdir()
        self.images: list[dict[str, Any]] = []
        self.objects: list[dict[str, Any]] = []

    def add(self, *boxes: list[float], seed: int | None = None, category: int = 1, **more: Any) -> int:
        number = len(self.images) + 1
        name = f"photo_{number}.png"
        Image.fromarray(draw(SIZE, number if seed is None else seed)).save(self.folder / "images" / name)
        image = {"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1], "source": f"raw/{name}"}
        self.images.append(image | more)
        for box in boxes:
            item = {"id": len(self.objects) + 1, "image_id": number, "category_id": category, "bbox": box}
            self.objects.append(item | {"area": box[2] * box[3], "iscrowd": 0})
        return number

    def check(self, quarantine: pd.DataFrame = NOTHING, distance: int = 6, roles: Any = None) -> Check:
        categories = [{"id": 1, "name": "gap"}, {"id": 2, "name": "label"}]
        self.annotations = {"images": self.images, "annotations": self.objects, "categories": categories}
        ids = [image["id"] for image in self.images]
        table = pd.DataFrame({"image_id": ids, "role": roles or ["train"] * len(ids)})
        split = SplitParams(duplicate_distance=distance)
        return check_annotated(
            *(self.folder, self.annotations, table, quarantine, INGESTED, split),
            *(DETECTOR, TrainingParams(), CheckParams(sheet_photos=3)),
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.add(GOOD)
    return shop


def rows(check: Check) -> list[tuple[str, str]]:
    return list(check.findings[["file", "kind"]].itertuples(index=False, name=None))


def test_clean_photos_give_counts_and_no_finding(shop: Shop) -> None:
    shop.add(GOOD, [200.0, 40.0, 60.0, 81.0], split="train")
    check = shop.check()
    assert rows(check) == []
    assert check.sheet.shape == (1, 1, 3)
    report = check.report
    assert (report["photos"], report["objects"], report["photos_without_objects"]) == (2, 3, 0)
    assert report["objects_by_category"] == {"gap": 3}
    assert report["photo_sizes"] == {"400 x 300": 2}
    assert report["splits_given"] == {"train": 1}
    assert (report["object_px"]["median"], report["object_px_as_seen"]["median"]) == (60, 30)
    assert (report["clipped_boxes"], report["refused_objects"]) == (2, {"inverted box": 1})
    json.dumps(report)


@pytest.mark.parametrize(
    ("boxes", "kind"),
    [
        ([[10.0, 10.0, 14.0, 60.0]], "tiny_box"),  # 7 pixels when seen
        ([[0.0, 0.0, 400.0, 200.0]], "huge_box"),
        ([[10.0, 10.0, 300.0, 30.0]], "odd_shape"),
        ([GOOD, [51.0, 40.0, 60.0, 80.0]], "duplicate_boxes"),
        ([], "no_objects"),
    ],
)
def test_what_is_planted_is_found(boxes: list[list[float]], kind: str, shop: Shop) -> None:
    shop.add(*boxes)
    check = shop.check()
    assert rows(check) == [("raw/photo_2.png", kind)]
    assert check.report["findings"] == {kind: 1}
    assert check.sheet.shape[0] > 300


def test_boxes_of_two_categories_may_lie_on_each_other(shop: Shop) -> None:
    shop.add(GOOD)
    shop.objects.append({**shop.objects[-1], "id": 99, "category_id": 2})
    assert rows(shop.check()) == []


def test_the_same_photo_in_two_splits_is_found_whoever_divided_them(shop: Shop) -> None:
    shop.add(GOOD, seed=7, split="train")
    shop.add(GOOD, seed=7, split="test")
    found = [("raw/photo_2.png", "same_photo_in_splits"), ("raw/photo_3.png", "same_photo_in_splits")]
    assert rows(shop.check()) == found
    assert shop.check().findings["detail"][0] == "split train, and looks like raw/photo_3.png of test"
    for image in shop.images:
        image.pop("split", None)
    assert rows(shop.check()) == []
    # With near duplicates not kept together, they are looked for all the same.
    assert rows(shop.check(distance=-1, roles=["train", "train", "test"])) == found


def test_the_same_photo_with_other_labels_is_found(shop: Shop) -> None:
    shop.add(GOOD, [200.0, 40.0, 60.0, 80.0], seed=7)
    shop.add(GOOD, seed=7)
    check = shop.check()
    assert rows(check) == [("raw/photo_3.png", "labels_differ")]
    assert check.findings["detail"][0] == "1 objects, and 2 on raw/photo_2.png, which looks the same"
    assert check.report["near_identical_photos"] == 2


def test_what_was_put_aside_comes_last(shop: Shop) -> None:
    shop.add()
    aside = pd.DataFrame(
        [("x.xml", "refused_object", "1 objects on x.jpg: box wholly outside")], columns=NOTHING.columns
    )
    assert rows(shop.check(aside)) == [("raw/photo_2.png", "no_objects"), ("x.xml", "refused_object")]


def test_the_sheet_has_some_of_each_kind() -> None:
    many = [Finding(image, "tiny_box", "") for image in range(10)]
    few = [Finding(20, "huge_box", ""), Finding(3, "huge_box", ""), Finding(30, "no_objects", "")]
    assert choose_photos([*few[:2], *many, few[2]], 5) == [20, 0, 30, 3, 1]
    assert choose_photos([], 5) == []


def test_the_plot_shows_every_object_and_anchor(shop: Shop) -> None:
    pytest.importorskip("plotly", reason="plotly, which draws figures, is not installed")
    shop.add(GOOD, [200.0, 40.0, 61.0, 80.0])
    check = shop.check()
    figure = plot_sizes(shop.annotations, check.sides, check.detector)
    names = {trace.name: trace for trace in figure.data if trace.name}
    assert sorted(names["objects"].x) == [30, 30, 30.5]
    assert len(names["anchors"].x) == 15
    assert sorted(np.multiply(names["anchors"].x, names["anchors"].y))[0] == pytest.approx(16 * 16)


SIDES = st.floats(0.5, 400)
BOXES = st.lists(st.tuples(st.floats(0, 399), st.floats(0, 299), SIDES, SIDES).map(list), max_size=6)


@settings(max_examples=40)
@given(photos=st.lists(BOXES, min_size=1, max_size=4))
def test_any_boxes_give_findings_that_are_explained(photos: list[list[list[float]]]) -> None:
    images = [{"id": n, "file_name": f"{n}", "width": 400, "height": 300} for n, _ in enumerate(photos, start=1)]
    items = [(n, box) for n, found in enumerate(photos, start=1) for box in found]
    objects = [{"id": k, "image_id": n, "category_id": 1, "bbox": box} for k, (n, box) in enumerate(items)]
    hashes = np.random.default_rng(0).random((len(photos), 64)) > 0.5
    roles = dict.fromkeys(range(1, len(photos) + 1), "train")
    annotations = {"images": images, "annotations": objects, "categories": []}
    found = find_suspicious(annotations, hashes, roles, list_groups(hashes, 0), DETECTOR, CheckParams())
    empty = {finding.image for finding in found if finding.kind == "no_objects"}
    assert empty == {n for n, boxes in enumerate(photos, start=1) if not boxes}
    assert {finding.kind for finding in found} <= MEANINGS.keys()
    known = {item["id"] for item in objects}
    assert all(set(finding.objects) <= known for finding in found)


def test_open_settings_are_those_that_a_training_would_take(shop: Shop) -> None:
    shop.check()  # writes the annotations
    ids = [image["id"] for image in shop.annotations["images"]]
    table = pd.DataFrame({"image_id": ids}).assign(role="train")
    given = (shop.folder, shop.annotations, table, NOTHING, INGESTED, SplitParams())
    training = TrainingParams(object_px=36.0)
    check = check_annotated(*given, DetectorParams(), training, CheckParams())
    fitted, _ = fit_detector(DetectorParams(), training, PhotoSet.select(shop.folder, shop.annotations, ids))
    assert check.report["settings"]["min_size_px"] == fitted.min_size_px == 160  # 60 x 80 of 300 pixels
    assert check.detector == fitted


def test_without_any_object_nothing_is_settled(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.add()
    shop.check()
    table = pd.DataFrame({"image_id": [image["id"] for image in shop.annotations["images"]]}).assign(role="train")
    given = (shop.folder, shop.annotations, table, NOTHING, INGESTED, SplitParams())
    assert check_annotated(*given, DetectorParams(), TrainingParams(), CheckParams()).report["objects"] == 0
