"""Check annotated objects against their photo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.quarantine import printable
from triptych.shelf.data.records import AnnotationError, Box, RawObject
from triptych.shelf.data.segmentations import Frame, Segmentation, check_segmentation

_DIGITS = 4


@dataclass(frozen=True)
class CheckedObject:
    """An object that lies on its photo."""

    category: str
    box: Box
    segmentation: Segmentation | None
    is_crowd: bool
    is_clipped: bool
    """Whether the box reached beyond the photo."""

    @property
    def identity(self) -> tuple[Any, ...]:
        """What is the same for the same object annotated twice."""
        return self.category, self.is_crowd, tuple(round(side, 2) for side in self.box)

    def to_coco(self) -> dict[str, Any]:
        """Write `bbox`, `area`, `iscrowd` and, where there is a mask, `segmentation`."""
        left, top, right, bottom = self.box
        area = self.segmentation.area if self.segmentation else (right - left) * (bottom - top)
        values: dict[str, Any] = {
            "bbox": [round(value, _DIGITS) for value in (left, top, right - left, bottom - top)],
            "area": round(area, _DIGITS),
            "iscrowd": int(self.is_crowd),
        }
        return values | ({"segmentation": self.segmentation.value} if self.segmentation else {})


def check_object(raw: RawObject, frame: Frame, min_box_px: float) -> CheckedObject:
    """Check an object, bring it into the photo's frame and clip its box to the photo.

    An object with a mask of which nothing can be used is refused as a whole: its box may be as wrong.

    Args:
        raw: The object as annotated.
        frame: The photo that was annotated.
        min_box_px: Least width and height of the clipped box.

    Raises:
        AnnotationError: If it cannot be used; the message says why.
    """
    if raw.fault:
        raise AnnotationError(raw.fault)
    if not raw.category:
        raise AnnotationError("no category")
    box = None if raw.box is None else _check_box(raw.box, frame)
    segmentation = None if raw.segmentation is None else check_segmentation(raw.segmentation, frame)
    if box is None:
        if segmentation is None:
            raise AnnotationError("no box")
        box = segmentation.box
    clipped = _clip(box, frame.turned_size)
    if any(box[side] < box[side + 2] and clipped[side] >= clipped[side + 2] for side in (0, 1)):
        raise AnnotationError("box wholly outside the photo")
    if min(clipped[2] - clipped[0], clipped[3] - clipped[1]) < min_box_px:
        raise AnnotationError(f"box narrower or lower than min_box_px={min_box_px:g}")
    return CheckedObject(printable(raw.category), clipped, segmentation, raw.is_crowd, clipped != box)


def _check_box(box: Box, frame: Frame) -> Box:
    """Refuse what is no box; turn the others."""
    if not all(map(math.isfinite, box)):
        raise AnnotationError("box with a value that is no number")
    if box[0] > box[2] or box[1] > box[3]:
        raise AnnotationError("inverted box")
    corners = frame.turn.turn_points(np.array(box).reshape(2, 2), frame.size)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _clip(box: Box, size: Size) -> Box:
    width, height = size
    left, right = (min(max(value, 0.0), float(width)) for value in box[::2])
    top, bottom = (min(max(value, 0.0), float(height)) for value in box[1::2])
    return left, top, right, bottom
