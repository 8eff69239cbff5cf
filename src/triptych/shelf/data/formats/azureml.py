"""Read Azure ML's JSON Lines, which its data labelling exports and AutoML for images reads: a line a photo.

Format: https://learn.microsoft.com/azure/machine-learning/reference-automl-images-schema, "Object detection" and
"Instance segmentation". Coordinates are shares of the photo's width and height.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from triptych.shelf.data.formats.files import read_text
from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.quarantine import printable
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

MAX_BYTES = 300_000_000

_SIDES = ("topX", "topY", "bottomX", "bottomY")
_URL = re.compile(r'"image_url"\s*:\s*"([^"\\]+)"')


class OtherLinesError(AnnotationError):
    """JSON Lines, or other text, that hold something else than annotations."""


def read_azureml(folder: Path, file: str) -> list[PhotoRecord]:
    """Read a file of JSON Lines; a line that cannot be read spoils its own photo only.

    Args:
        folder: The raw folder.
        file: The file, relative to it.

    Raises:
        AnnotationError: If it cannot be read.
        OtherLinesError: If no line names a photo.
    """
    lines = read_text(folder / file, MAX_BYTES).split("\n")  # splitlines takes letters that JSON may hold for ends
    records = [_read_line(line, number, file) for number, line in enumerate(lines, start=1) if line.strip()]
    if not any(record.name for record in records):
        raise OtherLinesError("no Azure ML labels: no line has an image_url; not used")
    return records


def _read_line(line: str, number: int, file: str) -> PhotoRecord:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        url = _URL.search(line)
        return PhotoRecord(file, url[1] if url else "", unreadable=f"line {number} is no JSON: {printable(error)}")
    if not isinstance(content, dict) or not isinstance(content.get("image_url"), str):
        return PhotoRecord(file, "", unreadable=f"line {number} has no image_url")
    name, labels = content["image_url"].strip(), content.get("label")
    if labels is not None and not isinstance(labels, list):
        reason = f"line {number} has no list of labels: it is of a classification, not of object detection"
        return PhotoRecord(file, name, unreadable=reason)
    size = _read_size(content.get("image_details"))
    return PhotoRecord(file, name, size, [_read_object(item) for item in labels or ()], in_shares=True)


def _read_size(details: Any) -> Size | None:
    """Read width and height, which may be numbers or "400px"."""
    sides = [details.get(name) if isinstance(details, dict) else None for name in ("width", "height")]
    width, height = (side.strip().removesuffix("px") if isinstance(side, str) else side for side in sides)
    return to_size(width, height)


def _read_object(item: Any) -> RawObject:
    item = item if isinstance(item, dict) else {}
    label = item.get("label")
    category = label.strip() if isinstance(label, str) else ""
    is_crowd = item.get("isCrowd") in (1, "1", "true", "True")
    polygons = item.get("polygon")
    if polygons is not None and not _are_polygons(polygons):
        return RawObject(category, None, fault="polygon that is no list of numbers")
    outlines = [[to_number(value) for value in polygon] for polygon in polygons or ()] or None
    return RawObject(category, _read_box(item), outlines, is_crowd)


def _read_box(item: dict[str, Any]) -> Box | None:
    if not any(side in item for side in _SIDES):
        return None
    left, top, right, bottom = (to_number(item.get(side)) for side in _SIDES)
    return left, top, right, bottom


def _are_polygons(polygons: Any) -> bool:
    return isinstance(polygons, list) and all(isinstance(polygon, list) for polygon in polygons)


def path_of(url: str) -> str:
    """Take the path within the datastore or storage out of an address.

    `azureml://subscriptions/.../datastores/NAME/paths/a/b.jpg`, `AmlDatastore://a/b.jpg` and `https://host/a/b.jpg?x`
    are `a/b.jpg`; what is no address stays.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    if scheme.lower() in ("http", "https"):
        return re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")[2]
    return rest.rpartition("/paths/")[2]
