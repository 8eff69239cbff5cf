"""LabelMe's files, with and without the photo in them."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.formats.labelme import parse_labelme, read_labelme
from triptych.shelf.data.records import AnnotationError, RawObject

RECTANGLE = {"label": "gap", "shape_type": "rectangle", "points": [[5, 4], [20, 16]]}
BOX = [5, 4, 15, 12]


def write(path: Path, *shapes: Any, **values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": f"{path.stem}.jpg",
        "imageData": None,
    }
    path.write_text(json.dumps({**content, "imageHeight": 30, "imageWidth": 40, **values}), encoding="utf-8")
    return path


def encode(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_photo_within_its_annotation_is_taken_out(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    inside = encode(write_photo(tmp_path / "other.jpg", seed=3))
    write(raw / "shop" / "a.json", RECTANGLE, imageData=inside)
    annotations, rows, report = ingest(raw)
    assert annotations["images"] == [
        {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30, "source": "shop/a.json"}
    ]
    assert boxes(annotations) == {"a.jpg": [BOX]}
    assert (rows, report["photos_found"], report["labelme_files"]) == ([], 1, 1)


def test_a_photo_that_lies_there_goes_before_the_one_within(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "photos" / "a.jpg")
    write(raw / "a.json", RECTANGLE, imagePath="..\\photos\\a.jpg", imageData="no base64")
    annotations, rows, _ = ingest(raw)
    assert annotations["images"][0]["source"] == "photos/a.jpg"
    assert kinds(rows) == []


def test_photos_within_that_are_none_do_not_stop_the_others(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write(raw / "a.json", RECTANGLE)
    write(raw / "words.json", RECTANGLE, imageData=base64.b64encode(b"words").decode())
    write(raw / "none.json", RECTANGLE)
    (raw / "half.json").write_text('{"shapes": [')
    write_photo(raw / "half.jpg")
    write_photo(raw / "negative.jpg")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX], "negative.jpg": []}
    assert kinds(rows) == [
        ("half.jpg", "photo_left_out"),
        ("half.json", "unreadable_annotation"),
        ("negative.jpg", "photo_without_annotation"),
        ("none.json", "annotation_without_photo"),
        ("words.json", "unreadable_photo"),
    ]


@pytest.mark.parametrize("size", [(40, 30), (30, 40)])
def test_rotation_by_exif_counts_once(size: tuple[int, int], tmp_path: Path) -> None:
    """LabelMe shows photos upright; other writers give the size as stored."""
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg", orientation=6)
    write(raw / "a.json", RECTANGLE, imageWidth=size[0], imageHeight=size[1])
    of_stored = size == (40, 30)
    assert boxes(ingest(raw)[0]) == {"a.jpg": [[14, 5, 12, 15] if of_stored else BOX]}


def test_a_photo_of_the_same_name_elsewhere_is_not_taken_for_the_renamed_one(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write_photo(raw / "b.jpg", seed=1)
    write(raw / "a.json", RECTANGLE)
    write(raw / "b.json", {**RECTANGLE, "points": [[1, 1], [9, 9]]}, imagePath="a.jpg")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX], "b.jpg": [[1, 1, 8, 8]]}
    assert kinds(rows) == [("b.json", "different_name")]


def objects(*shapes: Any, **values: Any) -> list[RawObject]:
    content: dict[str, Any] = {"shapes": list(shapes), "imageHeight": 30, "imageWidth": 40, **values}
    return parse_labelme(content, "a.json").objects


def test_shapes_of_one_group_and_label_are_one_object() -> None:
    polygon = {"label": "gap", "points": [[1, 1], [9, 1], [9, 9]]}
    found = objects(
        {**polygon, "group_id": 1},
        {**polygon, "group_id": 2},
        {**polygon, "group_id": 1, "points": [[11, 1], [19, 1], [19, 9]]},
        {**polygon, "group_id": 1, "label": "other"},
        polygon,
        {**RECTANGLE, "group_id": 1},
        {**RECTANGLE, "group_id": 1, "points": [[1, 20], [2, 22]]},
    )
    assert [(item.category, item.box, len(item.segmentation or [])) for item in found] == [
        ("gap", None, 2),
        ("gap", None, 1),
        ("other", None, 1),
        ("gap", None, 1),
        ("gap", (1, 4, 20, 22), 0),
    ]


@pytest.mark.parametrize("kind", ["oriented_rectangle", "rotation"])
def test_a_turned_rectangle_is_an_outline_whatever_its_tool_calls_it(kind: str) -> None:
    (item,) = objects({"label": "gap", "shape_type": kind, "points": [[2, 10], [10, 2], [18, 10], [10, 18]]})
    assert item == RawObject("gap", None, [[2, 10, 10, 2, 18, 10, 10, 18]])


def test_a_circle_is_an_outline_of_its_area() -> None:
    (item,) = objects({"label": "gap", "shape_type": "circle", "points": [[20, 15], [25, 15]]})
    x, y = np.reshape(item.segmentation[0], (-1, 2)).T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area == pytest.approx(math.pi * 25, rel=0.01)


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        ({"shape_type": "linestrip", "points": [[1, 1], [2, 2]]}, "linestrip of 2 points, which encloses nothing"),
        ({"shape_type": "point", "points": [[1, 1]]}, "point of 1 points, which encloses nothing"),
        ({"shape_type": "rectangle", "points": [[1, 1]]}, "rectangle of 1 points"),
        ({"points": [[1, 1], [2], [3, 3]]}, "point that is no pair of numbers"),
        ({"points": [[1, 1], ["x", 2], [3, 3]]}, "point that is no pair of numbers"),
        ({"shape_type": "mask", "points": [[1, 1], [3, 3]], "mask": "x"}, "mask that is no PNG"),
        ({"shape_type": "mask", "points": [[1, 1], [3, 3]]}, "mask that is no PNG"),
    ],
)
def test_shapes_that_enclose_nothing_are_kept_with_their_fault(shape: dict[str, Any], fault: str) -> None:
    whole, broken = objects(RECTANGLE, {"label": "gap", **shape})
    assert (whole.fault, whole.box) == ("", (5, 4, 20, 16))
    assert fault in broken.fault


def test_shares_are_refused_with_cause_and_cure() -> None:
    with pytest.raises(AnnotationError, match="LabelMe's are in pixels: multiply x and width"):
        objects({**RECTANGLE, "points": [[0.1, 0.2], [0.5, 0.9]]})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["gap", "mask", "é", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=5,
)
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "label": ANYTHING,
        "points": ANYTHING | st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=2), max_size=4),
        "shape_type": st.sampled_from(["polygon", "rectangle", "circle", "mask", "line", None, 3]),
        "group_id": ANYTHING,
        "mask": ANYTHING,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(shapes=st.lists(SHAPES | ANYTHING, max_size=4), size=ANYTHING, name=ANYTHING, data=ANYTHING)
def test_any_content_gives_a_record_or_a_reason(shapes: Any, size: Any, name: Any, data: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.json", *shapes, imagePath=name, imageWidth=size, imageHeight=size, imageData=data)
    try:
        record = read_labelme(tmp_path, "a.json")
    except AnnotationError as error:
        if "between 0 and 1" not in str(error):
            raise
        return
    assert len(record.objects) <= len(shapes)
    for item in record.objects:
        assert item.fault or item.box or item.segmentation is not None
