"""Read CVAT for images 1.1: one XML file for many photos.

Format: https://docs.cvat.ai/docs/manual/advanced/xml_format/, "Annotation".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from triptych.shelf.data.formats.files import parse_xml, refuse_shares
from triptych.shelf.data.formats.masks import draw_ellipse, encode_crop, rotate_points
from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.quarantine import printable
from triptych.shelf.data.raw_folder import SPLITS
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 300_000_000
"""Larger files are refused; some 100,000 photos with polygons."""

_NAN_BOX: Box = (math.nan, math.nan, math.nan, math.nan)


def read_cvat(folder: Path, file: str) -> list[PhotoRecord]:
    """Read an annotation file; see `parse_cvat`.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.

    Raises:
        AnnotationError: If it cannot be read.
    """
    return parse_cvat(parse_xml(folder / file, MAX_BYTES), file)


def parse_cvat(root: Element, file: str) -> list[PhotoRecord]:
    """Take what an XML document says.

    Boxes, polygons, ellipses and masks are read; of a box that is turned, the upright box around it. Shapes that
    enclose nothing (points, polylines, cuboids, skeletons) are kept with their fault, to be refused; tags are about the
    whole photo, and passed over.

    Raises:
        AnnotationError: If it is of another format, or its coordinates are shares.
    """
    if root.tag != "annotations":
        raise AnnotationError(f"no CVAT for images: its root is <{root.tag}>, not <annotations>")
    if root.find("track") is not None:
        raise AnnotationError("CVAT for video: export it as CVAT for images, with the frames as photos")
    records = [_read_image(image, file) for image in root.iter("image")]
    refuse_shares((shape for record in records for shape in _list_shapes(record)), "CVAT")
    return records


def _list_shapes(record: PhotoRecord) -> Iterator[list[float]]:
    for item in record.objects:
        if item.box is not None:
            yield list(item.box)
        if isinstance(item.segmentation, list):
            yield from item.segmentation
        elif item.segmentation is not None:  # of a mask, in whole pixels
            yield [float(side) for side in item.segmentation["size"]]


def _read_image(image: Element, file: str) -> PhotoRecord:
    size = to_size(image.get("width"), image.get("height"))
    objects = [_read_shape(shape, size) for shape in image if shape.tag != "tag"]
    split = SPLITS.get((image.get("subset") or "").lower(), "")
    return PhotoRecord(file, (image.get("name") or "").strip(), size, objects, split=split)


def _read_shape(shape: Element, size: Size | None) -> RawObject:
    category = (shape.get("label") or "").strip()
    reader = _READERS.get(shape.tag)
    if reader is None:
        return RawObject(category, None, fault=f"{printable(shape.tag, 30)}, which encloses nothing")
    try:
        return reader(category, shape, size)
    except AnnotationError as error:
        return RawObject(category, None, fault=str(error))


def _numbers(shape: Element, *names: str) -> list[float]:
    values = [to_number(shape.get(name)) for name in names]
    if not all(map(math.isfinite, values)):
        raise AnnotationError(f"{shape.tag} with a value that is no number")
    return values


def _turn(shape: Element, points: list[float], x: float, y: float) -> list[float]:
    degrees = to_number(shape.get("rotation", "0"))
    return rotate_points(points, x, y, degrees) if math.isfinite(degrees) and degrees % 360 else points


def _read_box(category: str, shape: Element, _: Size | None) -> RawObject:
    left, top, right, bottom = _numbers(shape, "xtl", "ytl", "xbr", "ybr")
    corners = [left, top, right, top, right, bottom, left, bottom]
    turned = _turn(shape, corners, (left + right) / 2, (top + bottom) / 2)
    if turned is corners:
        return RawObject(category, (left, top, right, bottom))
    return RawObject(category, (min(turned[::2]), min(turned[1::2]), max(turned[::2]), max(turned[1::2])))


def _read_polygon(category: str, shape: Element, _: Size | None) -> RawObject:
    pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair.strip()]
    if not all(len(pair) == 2 for pair in pairs):
        raise AnnotationError("polygon with a point that is no pair of numbers")
    return RawObject(category, None, [[to_number(value) for pair in pairs for value in pair]])


def _read_ellipse(category: str, shape: Element, _: Size | None) -> RawObject:
    x, y, x_radius, y_radius = _numbers(shape, "cx", "cy", "rx", "ry")
    return RawObject(category, None, [_turn(shape, draw_ellipse(x, y, x_radius, y_radius), x, y)])


def _read_mask(category: str, shape: Element, size: Size | None) -> RawObject:
    """Read a mask: lengths of runs outside and inside in turn, row by row of its box."""
    left, top, width, height = (round(value) for value in _numbers(shape, "left", "top", "width", "height"))
    runs = [to_number(run) for run in (shape.get("rle") or "").split(",")]
    if not all(run.is_integer() and run >= 0 for run in runs):
        raise AnnotationError("mask with a run that is no length")
    if size is None:
        raise AnnotationError("mask on a photo without width and height")
    if not 0 < width <= size.width or not 0 < height <= size.height:
        raise AnnotationError("mask larger than its photo")
    if sum(runs) != width * height:
        raise AnnotationError("mask whose runs do not add up to its box")
    values = np.arange(len(runs)) % 2 == 1
    pixels = np.repeat(values, np.array(runs, np.int64)).reshape(height, width)
    return RawObject(category, None, encode_crop(pixels, left, top, size))


_READERS: dict[str, Callable[[str, Element, Size | None], RawObject]] = {
    "box": _read_box,
    "polygon": _read_polygon,
    "ellipse": _read_ellipse,
    "mask": _read_mask,
}
