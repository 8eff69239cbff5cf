"""Masks cut to their objects are those that pycocotools draws and encodes whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from triptych.shelf.data.mask_crops import MaskCrop, draw_crop, encode_crop, read_runs

# Tenths, as pycocotools rounds them to fifths, and halves of those are where rounding may go either way.
COORDINATES = st.integers(-30, 500).map(lambda tenths: tenths / 10) | st.floats(-3, 50)
POLYGONS = st.lists(st.lists(COORDINATES, min_size=6, max_size=14).map(lambda xy: xy[: len(xy) // 2 * 2]), min_size=1)
MASKS = st.tuples(st.integers(1, 9), st.integers(1, 7)).flatmap(
    lambda size: st.lists(st.booleans(), min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
        lambda values: np.array(values, np.uint8).reshape(size)
    )
)


def decode(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """The whole mask, by pycocotools alone."""
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    return np.asarray(coco_mask.decode(segmentation), np.uint8)


def paste(crop: MaskCrop, height: int, width: int) -> NDArray[np.uint8]:
    whole = np.zeros((height, width), np.uint8)
    (x, y), (down, across) = crop.corner, crop.pixels.shape
    whole[y : y + down, x : x + across] = crop.pixels
    return whole


@given(POLYGONS, st.integers(1, 45), st.integers(1, 45))
def test_polygons(polygons: list[list[float]], height: int, width: int) -> None:
    crop = draw_crop(polygons, height, width)
    np.testing.assert_array_equal(paste(crop, height, width), decode(polygons, height, width))


@given(MASKS)
def test_run_lengths(mask: NDArray[np.uint8]) -> None:
    runs = coco_mask.encode(np.asfortranarray(mask))
    text = {"size": list(mask.shape), "counts": runs["counts"].decode("ascii")}
    plain = {"size": list(mask.shape), "counts": read_runs(text["counts"]).tolist()}
    for way in (runs, text, plain):
        np.testing.assert_array_equal(paste(draw_crop(way, *mask.shape), *mask.shape), mask)
    assert coco_mask.frPyObjects(plain, *mask.shape) == runs


@given(MASKS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_encoding(mask: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> None:
    height, width = mask.shape[0] + top + bottom, mask.shape[1] + left + right
    crop = MaskCrop(mask, (left, top))
    runs = coco_mask.encode(np.asfortranarray(paste(crop, height, width)))
    assert encode_crop(crop, height, width) == {"size": [height, width], "counts": runs["counts"].decode("ascii")}


def test_long_runs_and_large_differences_are_read() -> None:
    """Numbers of several letters, and negative differences, as on 12 megapixels."""
    mask = np.zeros((3000, 4000), np.uint8, order="F")
    mask[10:2990, 100:103] = 1
    mask[5, 2000] = mask[0:3000, 3999] = 1
    runs = coco_mask.encode(mask)
    crop = draw_crop(runs, 3000, 4000)
    np.testing.assert_array_equal(paste(crop, 3000, 4000), mask)
    assert encode_crop(crop, 3000, 4000)["counts"].encode() == runs["counts"]


@pytest.mark.parametrize("polygon", [[-9.0, -9.0, -3.0, -9.0, -3.0, -3.0], [60.0, 5.0, 70.0, 5.0, 70.0, 9.0]])
def test_what_lies_outside_is_nothing(polygon: list[float]) -> None:
    assert not draw_crop([polygon], 40, 50).pixels.any()
