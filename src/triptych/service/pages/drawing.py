"""A photo as browsers show it, and what was found on it as outlines to lay over it."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.shelf.data.photo_files import Size, read_reduced

_MOST_PIXELS = 50_000_000
_LONGEST_SIDE = 1600
_SMOOTHED_BY = 1 / 600
"""How far an outline may be from its mask, as a part of the photo's longer side."""
_MARGIN_PX = 4
"""How far a mask may reach out of its box."""


@dataclass(frozen=True)
class Outline:
    """Something that was found.

    Attributes:
        category: What it is.
        score: How sure that is.
        box: x, y, width and height in pixels of the upright photo.
        mask: COCO's run lengths; None where there is a box only.
        path: Its outline in SVG's words.
    """

    category: str
    score: float
    box: tuple[float, float, float, float]
    mask: dict[str, Any] | None
    path: str


@dataclass(frozen=True)
class Drawing:
    """A photo to be shown.

    Attributes:
        picture: JPEG as a `data:` address, upright, perhaps smaller than the photo.
        width: Of the photo, upright, in pixels.
        height: Likewise.
        outlines: In pixels of the photo, the best first.
    """

    picture: str
    width: int
    height: int
    outlines: list[Outline]


def draw_photo(photo: bytes, rows: Sequence[dict[str, Any]]) -> Drawing:
    """Make a photo ready to be shown, whatever its format.

    Args:
        photo: The file.
        rows: What the model found, as `ShelfModel` gives it.

    Raises:
        PhotoError: If the photo cannot be read.
    """
    picture, size = _make_picture(photo)
    outlines = [_outline(row, max(size)) for row in rows]
    return Drawing(picture, size.width, size.height, outlines)


def _make_picture(photo: bytes) -> tuple[str, Size]:
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="triptych-page-") as folder:
        file = Path(folder) / "photo"
        file.write_bytes(photo)
        pixels, size = read_reduced(file, _MOST_PIXELS, _fit)
    image = Image.fromarray(pixels)
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode(), size


def _fit(size: Size) -> Size:
    share = min(1.0, _LONGEST_SIDE / max(size))
    return Size(max(1, round(size.width * share)), max(1, round(size.height * share)))


def _outline(row: dict[str, Any], side: int) -> Outline:
    box = (row["x"], row["y"], row["width"], row["height"])
    mask = json.loads(row["mask"]) if row["mask"] else None
    path = _trace(mask, box, side * _SMOOTHED_BY) if mask else ""
    return Outline(row["category"], row["score"], box, mask, path or _trace_box(box))


def _trace_box(box: tuple[float, float, float, float]) -> str:
    x, y, width, height = box
    return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z"


def _trace(mask: dict[str, Any], box: tuple[float, float, float, float], smoothed_by_px: float) -> str:
    """Trace a mask and its holes; empty where all of it is too small to be seen."""
    import cv2
    import numpy as np
    from pycocotools.mask import decode

    x, y = (max(0, int(place) - _MARGIN_PX) for place in box[:2])
    right, bottom = int(box[0] + box[2]) + _MARGIN_PX, int(box[1] + box[3]) + _MARGIN_PX
    part = np.ascontiguousarray(decode(mask)[y:bottom, x:right])
    lines, _ = cv2.findContours(part, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    least_px = 9 * smoothed_by_px**2  # specks and pinholes hide more than they show
    seen = [line for line in lines if len(line) > 2 and cv2.contourArea(line) > least_px]
    smooth = [cv2.approxPolyDP(line, smoothed_by_px, closed=True)[:, 0] for line in seen]
    return "".join("M" + "L".join(f"{a} {b}" for a, b in line.tolist()) + "z" for line in smooth)
