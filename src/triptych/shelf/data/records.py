"""What annotation files say, before anything is checked against the photos."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from triptych.shelf.data.photo_files import Size

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels; continuous, so a box of the whole photo is 0, 0, width, height."""


class AnnotationError(ValueError):
    """An annotation file, or a part of one, that cannot be used; the message is the reason."""


@dataclass(frozen=True)
class RawObject:
    """An object as it was annotated."""

    category: str
    box: Box | None
    """None where there is none; values may be no numbers."""
    segmentation: Any = None
    """Polygons or RLE as COCO writes them, unchecked; None where there is no mask."""
    is_crowd: bool = False


@dataclass
class PhotoRecord:
    """What one annotation file says about one photo."""

    file: str
    """The annotation file, relative to the raw folder."""
    name: str
    """The photo, as the annotation names it."""
    size: Size | None = None
    """Size of the photo when it was annotated, where given."""
    objects: list[RawObject] = field(default_factory=list)


def to_number(value: object) -> float:
    """Read a coordinate; NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return float("nan")
    try:
        return float(value)
    except (ValueError, OverflowError):
        return float("nan")


def to_size(width: object, height: object) -> Size | None:
    """Read a size in pixels; None for what is none. 0 x 0, which some tools write, is kept."""
    numbers = [to_number(width), to_number(height)]
    if not all(number.is_integer() and 0 <= number < 1e9 for number in numbers):
        return None
    return Size(int(numbers[0]), int(numbers[1]))
