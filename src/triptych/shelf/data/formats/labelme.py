"""Read LabelMe: one JSON file a photo, which may hold the photo itself.

Format: `shapes` with `label`, `points`, `shape_type` and `group_id`; `imagePath`, `imageData` (base64), `imageHeight`
and `imageWidth`, as https://github.com/wkentaro/labelme writes and `labelme/_label_file.py` there documents them.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from triptych.shelf.data.formats.files import parse_json, refuse_shares
from triptych.shelf.data.formats.masks import draw_ellipse, encode_crop
from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.quarantine import printable
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

MAX_BYTES = 300_000_000
"""Larger files are refused; a photo of 100 megapixels takes some 60 MB in base64."""

Points = list[tuple[float, float]]
_OUTLINES = ("polygon", "oriented_rectangle", "rotation")  # the last is what X-AnyLabeling calls the second


def is_labelme(content: Any) -> bool:
    """Tell whether parsed JSON is LabelMe's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def read_labelme(folder: Path, file: str) -> PhotoRecord:
    """Read an annotation file; see `parse_labelme`.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.

    Raises:
        AnnotationError: If it cannot be read.
    """
    return parse_labelme(parse_json(folder / file, MAX_BYTES), file)


def parse_labelme(content: Any, file: str) -> PhotoRecord:
    """Take what a parsed file says.

    Polygons, oriented rectangles, circles and masks are outlines, rectangles are boxes. Shapes of the same label and
    `group_id` are parts of one object. Shapes that enclose nothing are kept with their fault, to be refused.

    Raises:
        AnnotationError: If it is no LabelMe file, or its coordinates are shares.
    """
    if not is_labelme(content):
        raise AnnotationError("no LabelMe: it has no list of shapes")
    size = to_size(content.get("imageWidth"), content.get("imageHeight"))
    shapes = [shape if isinstance(shape, dict) else {} for shape in content["shapes"]]
    refuse_shares(([value for point in _read_points(shape) for value in point] for shape in shapes), "LabelMe")
    name = content.get("imagePath")
    return PhotoRecord(
        file,
        name.strip() if isinstance(name, str) else "",
        size,
        _join_groups([(_group_of(shape), _read_shape(shape, size)) for shape in shapes]),
        embedded=_decode(content.get("imageData")),
    )


def _decode(data: object) -> bytes | None:
    if not isinstance(data, str) or not data:
        return None
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return None


def _read_points(shape: dict[str, Any]) -> Points:
    points = shape.get("points")
    if not isinstance(points, list):
        return []
    pairs = [point if isinstance(point, list) and len(point) == 2 else [None, None] for point in points]
    return [(to_number(x), to_number(y)) for x, y in pairs]


def _group_of(shape: dict[str, Any]) -> tuple[str, int | str] | None:
    """Give what the parts of an object have in common; None for a shape that stands alone."""
    group = shape.get("group_id")
    if isinstance(group, bool) or not isinstance(group, int | str):
        return None
    return str(shape.get("label")), group


def _read_shape(shape: dict[str, Any], size: Size | None) -> RawObject:
    label, kind = shape.get("label"), str(shape.get("shape_type") or "polygon")
    category = str(label).strip() if isinstance(label, str | int | float) else ""
    points = _read_points(shape)
    if not all(math.isfinite(value) for point in points for value in point):
        return RawObject(category, None, fault="shape with a point that is no pair of numbers")
    if kind == "rectangle" and len(points) in (2, 4):
        return RawObject(category, _enclose(points))
    if kind in _OUTLINES:
        return RawObject(category, None, [[value for point in points for value in point]])
    if kind == "circle" and len(points) == 2:
        radius = math.dist(*points)
        return RawObject(category, None, [draw_ellipse(*points[0], radius, radius)])
    if kind == "mask" and len(points) == 2 and size is not None:
        return _read_mask(category, shape.get("mask"), points, size)
    return RawObject(category, None, fault=f"{printable(kind, 30)} of {len(points)} points, which encloses nothing")


def _enclose(points: Points) -> Box:
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _read_mask(category: str, mask: object, points: Points, size: Size) -> RawObject:
    """Read a mask: a PNG of its extent, in base64."""
    left, top, _, _ = (round(value) for value in _enclose(points))
    try:
        with Image.open(io.BytesIO(_decode(mask) or b""), formats=("PNG",)) as image:
            if image.width > size.width or image.height > size.height:
                return RawObject(category, None, fault="mask larger than its photo")
            pixels = np.asarray(image.convert("L")) > 0
    # Decoders raise almost anything on damaged files.
    except Exception as error:
        return RawObject(category, None, fault=f"mask that is no PNG: {printable(error, 60)}")
    return RawObject(category, None, encode_crop(pixels, left, top, size))


def _join_groups(shapes: list[tuple[tuple[str, int | str] | None, RawObject]]) -> list[RawObject]:
    """Make one object of polygons, or of boxes, with the same label and group."""
    joined: list[RawObject] = []
    places: dict[tuple[Any, ...], int] = {}
    for group, item in shapes:
        key = (group, item.box is None)
        if group is None or item.fault or isinstance(item.segmentation, dict):
            joined.append(item)
        elif key not in places:
            places[key] = len(joined)
            joined.append(item)
        else:
            joined[places[key]] = _join(joined[places[key]], item)
    return joined


def _join(one: RawObject, other: RawObject) -> RawObject:
    if one.box is None or other.box is None:
        return RawObject(one.category, None, [*one.segmentation, *other.segmentation])
    return RawObject(one.category, _enclose([one.box[:2], one.box[2:], other.box[:2], other.box[2:]]))
