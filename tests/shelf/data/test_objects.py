"""Boxes are clipped to their photo or refused with a reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.data.objects import check_object
from triptych.shelf.data.photo_files import Size, turn_of
from triptych.shelf.data.records import AnnotationError, Box, RawObject
from triptych.shelf.data.segmentations import Frame

FRAME = Frame(Size(40, 30))


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (None, "no box"),
        ((1, 2, math.nan, 4), "no number"),
        ((1, 2, math.inf, 4), "no number"),
        ((5, 2, 1, 4), "inverted"),
        ((1, 4, 5, 2), "inverted"),
        ((40, 2, 50, 4), "wholly outside"),
        ((-9, 2, 0, 4), "wholly outside"),
        ((1, 30, 9, 35), "wholly outside"),
        ((1, -9, 9, -1), "wholly outside"),
        ((5, 2, 5, 20), "narrower or lower than min_box_px=2"),
        ((5, 2, 20, 2), "narrower or lower than min_box_px=2"),
        ((5, 2, 6.9, 20), "narrower or lower than min_box_px=2"),
        ((39, 2, 50, 20), "narrower or lower than min_box_px=2"),
    ],
)
def test_bad_boxes_are_refused(box: Box | None, reason: str) -> None:
    with pytest.raises(AnnotationError, match=reason):
        check_object(RawObject("gap", box), FRAME, 2)


def test_an_object_without_a_category_is_refused() -> None:
    with pytest.raises(AnnotationError, match="no category"):
        check_object(RawObject("", (1, 2, 30, 20)), FRAME, 2)


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        ((1, 2, 30, 20), (1, 2, 30, 20)),
        ((0, 0, 40, 30), (0, 0, 40, 30)),
        ((-5, 2, 30, 20), (0, 2, 30, 20)),
        ((-5, -5, 1e9, 1e9), (0, 0, 40, 30)),
        ((1, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_boxes_are_clipped_to_the_photo(box: Box, clipped: Box) -> None:
    found = check_object(RawObject("gap", box), FRAME, 2)
    assert found.box == clipped
    assert found.is_clipped == (box != clipped)


def test_an_object_is_written_as_coco_writes_it() -> None:
    found = check_object(RawObject("gap", (259.8, 1.1, 318.2, 20), is_crowd=True), Frame(Size(640, 640)), 2)
    assert found.to_coco() == {"bbox": [259.8, 1.1, 58.4, 18.9], "area": 1103.76, "iscrowd": 1}


def test_a_mask_gives_the_area_and_a_missing_box() -> None:
    triangle = [[10, 10, 20, 10, 10, 20]]
    assert check_object(RawObject("gap", None, triangle), FRAME, 2).to_coco() == {
        "bbox": [10.0, 10.0, 10.0, 10.0],
        "area": 50.0,
        "iscrowd": 0,
        "segmentation": [[10, 10, 20, 10, 10, 20]],
    }
    assert check_object(RawObject("gap", (9, 9, 21, 21), triangle), FRAME, 2).to_coco()["bbox"] == [9, 9, 12, 12]


def test_an_object_with_a_bad_mask_is_refused_as_a_whole() -> None:
    with pytest.raises(AnnotationError, match="fewer than 3 points"):
        check_object(RawObject("gap", (1, 2, 30, 20), [[1, 2]]), FRAME, 2)


@pytest.mark.parametrize(
    ("orientation", "box"), [(1, (5, 2, 20, 12)), (6, (18, 5, 28, 20)), (8, (2, 20, 12, 35)), (3, (20, 18, 35, 28))]
)
def test_a_box_turns_with_its_photo(orientation: int, box: Box) -> None:
    frame = Frame(Size(40, 30), turn_of(orientation))
    assert check_object(RawObject("gap", (5, 2, 20, 12)), frame, 2).box == box


_SIDE = st.floats() | st.floats(-50, 90) | st.integers(-5, 45).map(float)


@given(st.tuples(_SIDE, _SIDE, _SIDE, _SIDE))
def test_what_is_not_refused_lies_on_the_photo(box: Box) -> None:
    try:
        found = check_object(RawObject("gap", box), FRAME, 2)
    except AnnotationError:
        return
    left, top, width, height = found.to_coco()["bbox"]
    assert min(left, top) >= 0
    assert min(width, height) >= 1.999
    assert left + width <= 40.001
    assert top + height <= 30.001
