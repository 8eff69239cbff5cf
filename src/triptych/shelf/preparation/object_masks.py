"""Masks of objects as a training keeps them and carries them to the device: cut to what they cover.

A mask as large as its photo is nearly all zeros: those of 20 objects on a photo of 800 x 1067 pixels take 17 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.shelf.data.mask_crops import MaskCrop
from triptych.shelf.preparation.augmentation import Placement

_HALF = 127


class ObjectMask(NamedTuple):
    """The part of a photo that an object covers.

    Attributes:
        cover: How much of each pixel around the object, 0 to 255.
        corner: Where on the photo those pixels begin, x and y.
    """

    cover: NDArray[np.uint8]
    corner: tuple[float, float]


class MaskCrops(NamedTuple):
    """The masks of a photo's objects, each cut to what it covers.

    Attributes:
        pixels: N x h x w of 0 and 1, as large as the largest crop.
        corners: N x 2, float32: x and y of the photo's pixel that a crop begins with, -1 at the least.
        known: N, whether the object has a mask; the pixels of one that has none are 0, and say nothing.
    """

    pixels: NDArray[np.uint8]
    corners: NDArray[np.float32]
    known: NDArray[np.bool_]


def keep_mask(crop: MaskCrop, across: float, down: float) -> ObjectMask:
    """Cut a mask to what it covers, scaled by a factor across and one down."""
    mask, (x, y) = crop
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return ObjectMask(np.zeros((1, 1), np.uint8), (0.0, 0.0))
    cover = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * np.uint8(255)
    left, top = x + int(columns[0]), y + int(rows[0])
    right, bottom = left + cover.shape[1], top + cover.shape[0]
    if (across, down) == (1, 1):
        return ObjectMask(cover, (float(left), float(top)))
    # Onto whole pixels of the smaller photo, so that scaling moves nothing.
    x, y = math.floor(left * across), math.floor(top * down)
    size = (math.ceil(bottom * down) - y, math.ceil(right * across) - x)
    # Averaged over 4 x 4 points a pixel: each pixel holds how much of it is covered.
    fine = 4
    matrix = np.array(
        [
            [across * fine, 0, (across * (left + 0.5) - x) * fine - 0.5],
            [0, down * fine, (down * (top + 0.5) - y) * fine - 0.5],
        ]
    )
    points = cv2.warpAffine(cover, matrix, (size[1] * fine, size[0] * fine), flags=cv2.INTER_NEAREST)
    return ObjectMask(np.asarray(cv2.resize(points, size[::-1], interpolation=cv2.INTER_AREA)), (float(x), float(y)))


def crop_mask(mask: ObjectMask, placement: Placement) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Place a mask on a varied photo.

    Returns:
        0 and 1, h x w, and the x and y of its first pixel. A pixel wider than the mask on each side: zeros, or at the
        photo's right and lower edge the edge's pixels again, so that interpolation finds what it does on a whole mask.
    """
    height, width = mask.cover.shape
    (x, y), frame = mask.corner, placement.size
    corners = np.array([[x, y, x + width, y + height]], np.float32)
    # A pixel more, as interpolation spreads.
    left, top, right, bottom = (float(side) for side in placement.move_boxes(corners)[0])
    x_start, x_end = max(math.floor(left) - 1, 0), min(math.ceil(right) + 1, frame[1])
    y_start, y_end = max(math.floor(top) - 1, 0), min(math.ceil(bottom) + 1, frame[0])
    if x_start >= x_end or y_start >= y_end:
        return np.zeros((1, 1), np.uint8), (0, 0)
    part = placement.cut(x_start, y_start, (y_end - y_start, x_end - x_start))
    crop = np.pad((part.move_pixels(mask.cover, mask.corner) > _HALF).astype(np.uint8), 1)
    if x_end == frame[1]:
        crop[:, -1] = crop[:, -2]
    if y_end == frame[0]:
        crop[-1] = crop[-2]
    return crop, (x_start - 1, y_start - 1)


def crop_masks(masks: Sequence[ObjectMask | None], placement: Placement) -> MaskCrops:
    """Place the masks of a photo's objects, None where an object has none."""
    crops = [(np.zeros((1, 1), np.uint8), (0, 0)) if mask is None else crop_mask(mask, placement) for mask in masks]
    height, width = (max((crop.shape[axis] for crop, _ in crops), default=1) for axis in (0, 1))
    pixels = np.zeros((len(masks), height, width), np.uint8)
    for place, (crop, _) in zip(pixels, crops, strict=True):
        place[: crop.shape[0], : crop.shape[1]] = crop
    corners = np.array([corner for _, corner in crops], np.float32).reshape(-1, 2)
    return MaskCrops(pixels, corners, np.array([mask is not None for mask in masks], bool))
