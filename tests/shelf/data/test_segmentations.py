"""Masks are checked before any compiled code sees them, and lie where they were drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from triptych.shelf.data.photo_files import Size, turn_of
from triptych.shelf.data.records import AnnotationError
from triptych.shelf.data.segmentations import Frame, check_segmentation, clip_polygon, read_counts

FRAME = Frame(Size(40, 30))
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]
MASKS = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1))


def encode(mask: Any) -> dict[str, Any]:
    runs = coco_mask.encode(np.asfortranarray(mask))
    return {"size": list(mask.shape), "counts": runs["counts"].decode()}


def count_runs(mask: Any) -> list[int]:
    """Write the plain run lengths of a mask, by column, background first."""
    flat = np.concatenate([[0], mask.ravel(order="F"), [2]])
    edges = np.flatnonzero(np.diff(flat))
    return [int(run) for run in np.diff(np.concatenate([[0], edges]))]


def decode(value: Any, size: Size) -> Any:
    runs = coco_mask.frPyObjects(value, size.height, size.width) if isinstance(value, list) else value
    return coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs)


def test_polygons_stay_as_they_are() -> None:
    found = check_segmentation([SQUARE, [1, 1, 5.5, 1, 1, 5]], FRAME)
    assert found.value == [[float(value) for value in SQUARE], [1, 1, 5.5, 1, 1, 5]]
    assert found.area == 100 + 9
    assert found.box == (1.0, 1.0, 20.0, 20.0)
    assert found.refused == ()


@given(MASKS)
def test_plain_and_compressed_runs_are_the_same_mask(mask: Any) -> None:
    frame = Frame(Size(mask.shape[1], mask.shape[0]))
    plain = {"size": list(mask.shape), "counts": count_runs(mask)}
    if not mask.any():
        with pytest.raises(AnnotationError, match="without a pixel"):
            check_segmentation(plain, frame)
        return
    found = check_segmentation(plain, frame)
    assert found == check_segmentation(encode(mask), frame)
    assert np.array_equal(decode(found.value, frame.size), mask)
    rows, columns = np.nonzero(mask)
    assert found.area == mask.sum()
    assert found.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@given(MASKS)
def test_compressed_runs_are_decoded_as_they_were_encoded(mask: Any) -> None:
    assert read_counts(encode(mask)["counts"]) == count_runs(mask)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_turn_with_their_photo(orientation: int) -> None:
    frame = Frame(Size(40, 30), turn_of(orientation))
    polygon = [5, 4, 25, 4, 25, 18, 12, 18]
    drawn = decode([polygon], frame.size)
    turned = frame.turn.turn_pixels(drawn)
    from_runs = check_segmentation(encode(drawn), frame)
    assert np.array_equal(decode(from_runs.value, frame.turned_size), turned)
    from_polygon = check_segmentation([polygon], frame)
    # Where an edge runs along pixels' middles, which side they fall on changes with a turn.
    assert np.mean(decode(from_polygon.value, frame.turned_size) != turned) < 0.02
    assert from_polygon.area == 20 * 14 - 7 * 14 / 2


HUGE = "P" * 12 + "0"  # a number of 60 bits


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("text", "neither polygons nor RLE"),
        ([[1, 2, 3, 4]], "fewer than 3 points"),
        ([[1, 2, 3, 4, 5]], "odd number of coordinates"),
        ([[1, 2, 3, 4, 5, 6, 7]], "odd number of coordinates"),
        ([[1, 2, 3, 4, 5, math.nan]], "no number"),
        ([[1, 2, 3, 4, 5, "x"]], "no number"),
        ([[1, 2, 3, 4, 5, 10**400]], "no number"),
        ([3], "polygon that is no list"),
        ([[1, 1, 2, 2, 3, 3]], "without area"),
        ([[50, 50, 60, 50, 60, 60]], "without area"),
        ({}, "another size"),
        ({"size": [40, 30], "counts": [1200]}, "another size"),
        ({"size": "x", "counts": [1200]}, "another size"),
        ({"size": [30, 40]}, "no length"),
        ({"size": [30, 40], "counts": [600, 601]}, "do not add up"),
        ({"size": [30, 40], "counts": [0, 10**30]}, "do not add up"),
        ({"size": [30, 40], "counts": [1201, -1]}, "no length"),
        ({"size": [30, 40], "counts": [600, 600.0]}, "no length"),
        ({"size": [30, 40], "counts": [True] * 1200}, "no length"),
        ({"size": [30, 40], "counts": [1200]}, "without a pixel"),
        ({"size": [30, 40], "counts": ""}, "do not add up"),
        ({"size": [30, 40], "counts": "P"}, "ends within a number"),
        ({"size": [30, 40], "counts": "\u20ac"}, "belongs to none"),
        ({"size": [30, 40], "counts": HUGE}, "belongs to none"),
    ],
)
def test_bad_masks_are_refused_with_a_reason(raw: Any, reason: str) -> None:
    with pytest.raises(AnnotationError, match=reason):
        check_segmentation(raw, FRAME)


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120)))
def test_any_letters_give_runs_that_add_up_or_a_reason(text: str) -> None:
    try:
        found = check_segmentation({"size": [3, 4], "counts": text}, Frame(Size(4, 3)))
    except AnnotationError:
        return
    assert decode(found.value, Size(4, 3)).shape == (3, 4)


def test_of_several_polygons_the_bad_ones_are_left_out() -> None:
    found = check_segmentation([SQUARE, [1, 2], [50, 50, 60, 50, 60, 60]], FRAME)
    assert found.value == [SQUARE]
    assert found.refused == ("polygon with fewer than 3 points", "polygon without area on the photo")


def test_a_polygon_is_cut_at_the_border() -> None:
    found = check_segmentation([[-10, 5, 1e300, 5, 1e300, 15, -10, 15]], FRAME)
    assert found.box == (0.0, 5.0, 40.0, 15.0)
    assert found.area == pytest.approx(400)


COORDINATES = st.integers(-30, 60)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=3, unique=True))
def test_a_cut_triangle_covers_what_the_triangle_covers_of_the_photo(corners: list[tuple[int, int]]) -> None:
    cut = clip_polygon(np.array(corners, dtype=np.float64), FRAME.size)
    if len(cut):
        assert cut.min() >= 0
        assert (cut <= FRAME.size).all()
    margin = 40  # the whole triangle lies on a larger photo
    shifted = [[value + margin for corner in corners for value in corner]]
    wide = decode(shifted, Size(40 + 2 * margin, 30 + 2 * margin))[margin : margin + 30, margin : margin + 40]
    narrow = decode([cut.ravel().tolist()], FRAME.size) if len(cut) >= 3 else np.zeros_like(wide)
    # The rasteriser puts an edge on one pixel or the next.
    assert (wide != narrow).sum() <= 80
    inner = wide[1:-1, 1:-1] != narrow[1:-1, 1:-1]
    assert inner.mean() < 0.1
