"""Masks cut to what they cover: drawn from polygons and run lengths (COCO's RLE), and written as such.

A mask as large as its photo is nearly all zeros: on 12 megapixels drawing or encoding one takes milliseconds, and a
photo has dozens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

_SUBPIXELS = 5  # in which pycocotools draws polygons (maskApi.c, rleFrPoly)


class MaskCrop(NamedTuple):
    """The part of a photo's mask that holds all of an object.

    Attributes:
        pixels: 1 where the object is, h x w.
        corner: x and y of the photo's pixel that it begins with.
    """

    pixels: NDArray[np.uint8]
    corner: tuple[int, int]


def draw_crop(segmentation: Any, height: int, width: int) -> MaskCrop:
    """Draw a mask, but only around the object: the same pixels as of the whole one (`decode_mask`).

    Args:
        segmentation: A list of polygons (each x, y, x, y ... in pixels), or run lengths, compressed or as a list.
        height: Of the photo.
        width: Of the photo.
    """
    if isinstance(segmentation, list):
        return _draw_polygons([np.asarray(polygon, float).reshape(-1, 2) for polygon in segmentation], height, width)
    return _cut_runs(read_runs(segmentation["counts"]), height, width)


def mask_extent(segmentation: Any, height: int, width: int) -> tuple[float, float, float, float]:
    """Give the box around a mask, without drawing it: left, top, width, height.

    Args:
        segmentation: As of `draw_crop`.
        height: Of the photo.
        width: Of the photo.
    """
    if isinstance(segmentation, list):
        corners = np.concatenate([np.asarray(polygon, float).reshape(-1, 2) for polygon in segmentation])
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return left, top, right - left, bottom - top
    if isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    left, top, across, down = coco_mask.toBbox(segmentation).tolist()
    return left, top, across, down


def _draw_polygons(polygons: list[NDArray[np.float64]], height: int, width: int) -> MaskCrop:
    corners, frame = np.concatenate(polygons), (width, height)
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, frame).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, frame).tolist()
    if right <= left or bottom <= top:
        return MaskCrop(np.zeros((1, 1), np.uint8), (0, 0))
    moved = [_move_polygon(polygon, (left, top)) for polygon in polygons]
    runs = coco_mask.merge(coco_mask.frPyObjects(moved, bottom - top, right - left))
    return MaskCrop(np.asarray(coco_mask.decode(runs), np.uint8), (left, top))


def _move_polygon(points: NDArray[np.float64], corner: tuple[int, int]) -> list[float]:
    """Move a polygon by whole pixels, to the very points that pycocotools rounds it to where it is."""
    rounded = np.trunc(_SUBPIXELS * points + 0.5) - _SUBPIXELS * np.array(corner)
    # pycocotools rounds again, and upwards to 0: what is negative is put where that leads back to it.
    moved: list[float] = ((rounded - np.where(rounded < 0, 0.75, 0)) / _SUBPIXELS).ravel().tolist()
    return moved


def _cut_runs(counts: NDArray[np.int64], height: int, width: int) -> MaskCrop:
    ends = np.cumsum(counts)
    objects = np.flatnonzero(counts[1::2]) * 2 + 1
    if not len(objects):
        return MaskCrop(np.zeros((1, 1), np.uint8), (0, 0))
    left, right = int(ends[objects[0] - 1] // height), min(int((ends[objects[-1]] - 1) // height) + 1, width)
    edges = np.clip(np.append(0, ends) - left * height, 0, (right - left) * height)
    within = edges[1:] - edges[:-1]
    # Runs go down the photo's columns, one after the other.
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, within).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    part = columns[:, rows[0] : rows[-1] + 1].T
    return MaskCrop(part.astype(np.uint8), (left, int(rows[0])))


def read_runs(counts: Any) -> NDArray[np.int64]:
    """Give run lengths as numbers.

    Args:
        counts: A list of them, or COCO's text, taken to be well-formed (`segmentations.read_counts` checks one): six
            bits a character from "0" on: five of the number, lowest first, and one that says whether more follow;
            from the fourth on numbers are differences to the last but one (maskApi.c, rleFrString).
    """
    if not isinstance(counts, str | bytes):
        return np.asarray(counts, np.int64)
    letters = np.frombuffer(counts.encode("ascii") if isinstance(counts, str) else counts, np.uint8).astype(np.int64)
    letters -= 48
    ends = np.flatnonzero((letters & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(letters)) - np.repeat(starts, ends - starts + 1)
    runs = np.add.reduceat((letters & 0x1F) << (5 * places), starts)
    runs -= np.where(letters[ends] & 0x10, np.int64(1) << (5 * (ends - starts + 1)), 0)
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    return runs


def encode_crop(crop: MaskCrop, height: int, width: int) -> dict[str, Any]:
    """Write a mask as run lengths: those of pycocotools' `encode` of the whole mask, without making one.

    Args:
        crop: The object; any of it may be zero.
        height: Of the photo.
        width: Of the photo.

    Returns:
        `size` and `counts`, as text.
    """
    pixels, (x, y) = crop
    high = pixels.shape[0] + 2
    framed = np.zeros((pixels.shape[1], high), np.uint8)
    if pixels.size:
        framed[:, 1:-1] = pixels.T if pixels.strides[0] == 1 else cv2.transpose(pixels)
    # Down each column the object begins and ends by turns; where one column ends at the bottom of the photo and the
    # next begins at its top, it goes on.
    columns, rows = np.divmod(_find_turns(framed.ravel()), high)
    turns = (x + columns) * height + y + rows
    joined = np.flatnonzero(turns[1:-1:2] == turns[2::2])
    turns = np.delete(turns, np.concatenate([2 * joined + 1, 2 * joined + 2]))
    counts = np.diff(np.concatenate([[0], turns, [height * width]]))
    if len(counts) > 1 and counts[-1] == 0:
        counts = counts[:-1]
    runs = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": runs["counts"].decode("ascii")}


def _find_turns(flat: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find after which places a value differs from the next, looking at eight at a time first: most do not."""
    differs = np.zeros(-(-len(flat) // 8) * 8, bool)
    np.not_equal(flat[1:], flat[:-1], out=differs[: len(flat) - 1])
    words = np.flatnonzero(differs.view(np.uint64) != 0)
    found, place = np.nonzero(differs.reshape(-1, 8)[words])
    return np.asarray(words[found] * 8 + place, np.int64)
