"""Which gaps are annotated, and how their outlines are traced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from triptych.samples.cameras import Camera
from triptych.samples.masks import Mask, describe, draw_mask, is_in_sight, is_open, trace_polygon
from triptych.samples.shelf_layout import Cell, Facing, Gap, Product, Shelf

CAMERA = Camera(np.array([0.0, 0.0, -1.5]), np.eye(3), 768.0, 768, 512)
"""Straight on; 512 pixels a unit on the shelf's front, so a photo is 1.5 units wide."""
FREE = np.zeros((512, 768), dtype=np.float32)
GAP = Gap(0, 1, 1)


def shelf_with_gap(left: float, right: float) -> Shelf:
    product = Product("box", 0.2, 0.3, 1, 0)
    facings = (
        Facing(-2.0, left, product),
        Facing(left, right, product, empty=True, setback=1.0),
        Facing(right, 2.0, product),
    )
    return Shelf(0.3, (-0.25, 0.2), (-2.0, 2.0), (Cell(-2.0, 2.0, -0.2, 0.2, facings),))


def fill(polygon: list[float], shape: tuple[int, int]) -> Mask:
    return np.asarray(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], *shape))), dtype=bool)


def test_a_mask_is_the_opening_as_the_camera_sees_it() -> None:
    mask = draw_mask(CAMERA, shelf_with_gap(-0.1, 0.2), GAP, FREE, 2)
    assert mask is not None
    instance = describe(mask)
    assert instance.box == (166, 77, 243, 179)
    assert fill(instance.polygon, mask.shape).sum() == pytest.approx(mask.sum(), rel=0.02)


@pytest.mark.parametrize(("left", "right"), [(0.7, 0.9), (0.0, 0.06)], ids=["mostly outside", "narrow"])
def test_what_is_hardly_visible_is_refused(left: float, right: float) -> None:
    shelf = shelf_with_gap(left, right)
    assert is_in_sight(CAMERA, shelf, GAP)
    assert draw_mask(CAMERA, shelf, GAP, FREE, 2) is None


def test_what_is_outside_the_photo_is_out_of_sight() -> None:
    assert not is_in_sight(CAMERA, shelf_with_gap(0.8, 1.0), GAP)


@pytest.mark.parametrize(("left", "right", "seen"), [(-0.1, 0.1, True), (0.6, 0.7, False), (0.4, 0.9, True)])
def test_one_must_be_able_to_look_in(left: float, right: float, seen: bool) -> None:
    assert is_open(CAMERA, shelf_with_gap(left, right), GAP) is seen


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(0, 512), slice(0, 400), 0.85),
        (slice(0, 512), slice(0, 440), None),
        (slice(0, 512), slice(400, 420), None),
        (slice(230, 260), slice(400, 420), None),
    ],
    ids=["a part", "most of it", "cut in two", "a hole"],
)
def test_obstacles_are_left_out_or_make_the_gap_refused(rows: slice, columns: slice, expected: float | None) -> None:
    covered = FREE.copy()
    covered[rows, columns] = 1
    free, rest = (draw_mask(CAMERA, shelf_with_gap(0.0, 0.2), GAP, layer, 2) for layer in (FREE, covered))
    assert free is not None
    assert (None if rest is None else pytest.approx(rest.sum() / free.sum(), abs=0.02)) == expected


def test_neighbouring_empty_facings_are_one_gap_and_restocking_fills_it() -> None:
    product = Product("can", 0.1, 0.2, 2, 0)
    empty = [True, False, True, True, False]
    facings = tuple(
        Facing(i / 10, (i + 1) / 10, product, is_empty, float(is_empty)) for i, is_empty in enumerate(empty)
    )
    shelf = Shelf(0.3, (0.0, 0.4), (0.0, 1.0), (Cell(0.0, 0.5, 0.05, 0.4, facings),))
    assert list(shelf.find_gaps()) == [Gap(0, 0, 0), Gap(0, 2, 3)]
    stocked = shelf.restock(Gap(0, 2, 3))
    assert list(stocked.find_gaps()) == [Gap(0, 0, 0)]
    assert stocked.cells[0].facings[2].setback == 0


@given(st.integers(3, 60), st.integers(3, 60), st.integers(0, 20), st.integers(0, 20), st.integers(0, 12))
def test_outlines_keep_to_the_mask(width: int, height: int, left: int, top: int, cut: int) -> None:
    mask = np.zeros((90, 90), dtype=bool)
    mask[top : top + height, left : left + width] = True
    mask[: top + min(cut, height // 2), : left + min(cut, width // 2)] = False
    drawn = fill(trace_polygon(mask), (90, 90))
    off = (drawn ^ mask).sum()
    assert off <= 0.6 * 2 * (width + height)
    ys, xs = np.nonzero(mask)
    polygon = np.reshape(trace_polygon(mask), (-1, 2))
    assert np.abs(polygon.min(axis=0) - (xs.min(), ys.min())).max() < 1
    assert np.abs(polygon.max(axis=0) - (xs.max() + 1, ys.max() + 1)).max() < 1
