"""What annotation files say, before anything is checked against the photos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

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
    fault: str = ""
    """Why it cannot be used, where the reader of its format knows."""

    def scale(self, size: Size) -> RawObject:
        """Multiply coordinates that are shares of the photo's size by that size; polygons hold numbers only."""
        factors = (float(size.width), float(size.height)) * 2
        box = None if self.box is None else tuple(value * by for value, by in zip(self.box, factors, strict=True))
        polygons = self.segmentation and [
            [value * factors[index % 2] for index, value in enumerate(polygon)] for polygon in self.segmentation
        ]
        return replace(self, box=cast("Box | None", box), segmentation=polygons)


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
    in_shares: bool = False
    """Whether coordinates are shares of the photo's width and height, not pixels."""
    unreadable: str = ""
    """Why nothing of it can be used, so that what is on the photo is unknown; empty where it can be."""
    split: str = ""
    """`train`, `validation` or `test`, where the file divides its photos."""
    embedded: bytes | None = field(default=None, repr=False)
    """The photo itself, where the file holds it."""


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
