"""Check masks as COCO writes them, polygons or run lengths (RLE), and bring them into the frame of a photo."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from triptych.shelf.data.photo_files import UPRIGHT, Size, Turn
from triptych.shelf.data.records import AnnotationError, Box, to_number

_DIGITS = 4
_LEAST_AREA = 1e-3  # of a polygon, in square pixels


class Frame(NamedTuple):
    """How an annotation lies on its photo.

    Attributes:
        size: Size of the photo that was annotated.
        turn: How to turn that into the photo.
    """

    size: Size
    turn: Turn = UPRIGHT

    @property
    def turned_size(self) -> Size:
        """Size of the photo."""
        return self.turn.turn_size(self.size)


class Segmentation(NamedTuple):
    """A mask that fits its photo.

    Attributes:
        value: Polygons, each x1, y1, x2, y2 ..., or a compressed RLE.
        area: In square pixels.
        box: The mask's extent.
        refused: Why some of the polygons were left out.
    """

    value: list[list[float]] | dict[str, Any]
    area: float
    box: Box
    refused: tuple[str, ...] = ()


def check_segmentation(raw: Any, frame: Frame) -> Segmentation:
    """Check a mask and bring it into the photo's frame.

    Args:
        raw: Polygons, or a dict with `size` and `counts`, a list (plain) or a string (compressed).
        frame: The photo that was annotated.

    Raises:
        AnnotationError: If nothing of it can be used.
    """
    if isinstance(raw, dict):
        return _check_runs(raw, frame)
    if not isinstance(raw, list):
        raise AnnotationError("segmentation that is neither polygons nor RLE")
    checked = [_check_polygon(item, frame) for item in raw]
    polygons = [item for item in checked if not isinstance(item, str)]
    refused = tuple(item for item in checked if isinstance(item, str))
    if not polygons:
        raise AnnotationError(refused[0])
    corners = np.concatenate(polygons)
    box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    value = [np.round(polygon, _DIGITS).ravel().tolist() for polygon in polygons]
    return Segmentation(value, sum(map(_area, polygons)), box, refused)


def _check_polygon(item: Any, frame: Frame) -> NDArray[np.float64] | str:
    """Check a polygon; return its corners on the photo, shape (n, 2), or why it cannot be used."""
    if not isinstance(item, list):
        return "polygon that is no list"
    if len(item) % 2:
        return "polygon with an odd number of coordinates"
    if len(item) < 6:
        return "polygon with fewer than 3 points"
    values = [to_number(value) for value in item]
    if not all(map(math.isfinite, values)):
        return "polygon with a value that is no number"
    points = frame.turn.turn_points(np.array(values).reshape(-1, 2), frame.size)
    points = clip_polygon(points, frame.turned_size)
    if len(points) < 3 or _area(points) < _LEAST_AREA:
        return "polygon without area on the photo"
    return points


def clip_polygon(points: NDArray[np.float64], size: Size) -> NDArray[np.float64]:
    """Cut off what lies outside the photo (Sutherland and Hodgman, "Reentrant polygon clipping", 1974).

    Args:
        points: Corners, shape (n, 2).
        size: Size of the photo.

    Returns:
        Corners, shape (m, 2); none where all of it lies outside. Parts of a concave polygon stay joined by edges
        along the border.
    """
    for axis, limit in enumerate(size):
        for sign, bound in ((1.0, 0.0), (-1.0, -float(limit))):
            if len(points) and (sign * points[:, axis] < bound).any():
                points = _cut(points, axis, sign, bound)
    return points


def _cut(points: NDArray[np.float64], axis: int, sign: float, bound: float) -> NDArray[np.float64]:
    """Keep where sign * coordinate >= bound."""
    depth = sign * points[:, axis] - bound
    kept: list[NDArray[np.float64]] = []
    for index in range(len(points)):
        before, here = depth[index - 1], depth[index]
        if (before < 0) != (here < 0):
            crossing = points[index - 1] + (points[index] - points[index - 1]) * (before / (before - here))
            crossing[axis] = sign * bound
            kept.append(crossing)
        if here >= 0:
            kept.append(points[index])
    return np.array(kept).reshape(-1, 2)


def _area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _check_runs(raw: dict[str, Any], frame: Frame) -> Segmentation:
    width, height = frame.size
    if raw.get("size") != [height, width]:
        raise AnnotationError("RLE of another size than the photo")
    counts = raw.get("counts")
    counts = read_counts(counts) if isinstance(counts, str) else counts
    # pycocotools would write beyond its memory with runs that do not add up.
    if not isinstance(counts, list) or not all(type(run) is int and run >= 0 for run in counts):
        raise AnnotationError("RLE with a run that is no length")
    if sum(counts) != width * height:
        raise AnnotationError("RLE whose runs do not add up to the photo")
    runs = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    if frame.turn != UPRIGHT:
        runs = coco_mask.encode(np.asfortranarray(frame.turn.turn_pixels(coco_mask.decode(runs))))
    area = float(coco_mask.area(runs))
    if area == 0:
        raise AnnotationError("RLE without a pixel")
    left, top, broad, high = coco_mask.toBbox(runs).tolist()
    value = {"size": list(map(int, runs["size"])), "counts": runs["counts"].decode("ascii")}
    return Segmentation(value, area, (left, top, left + broad, top + high))


def read_counts(text: str) -> list[int]:
    """Decode the run lengths of a compressed RLE.

    Six bits a character from "0" on: five of the number, lowest first, and one that says whether more follow; from
    the fourth on numbers are differences to the last but one (pycocotools, maskApi.c, rleFrString).

    Raises:
        AnnotationError: If it is no such text.
    """
    counts: list[int] = []
    number = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 50:
            raise AnnotationError("RLE with a letter that belongs to none")
        number |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            number -= (1 << shift) if bits & 0x10 else 0
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    if shift:
        raise AnnotationError("RLE that ends within a number")
    return counts
