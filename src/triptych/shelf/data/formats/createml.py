"""Read Apple's Create ML: one JSON file for many photos, boxes only.

Format: https://developer.apple.com/documentation/createml/building-an-object-detector-data-source. A box is its centre,
width and height in pixels from the upper left corner, which is Create ML's default.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triptych.shelf.data.formats.files import parse_json, refuse_shares
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.records import AnnotationError, PhotoRecord, RawObject, to_number

MAX_BYTES = 300_000_000

_PHOTO_KEYS = ("image", "imagefilename")  # Apple has written both
_OBJECTS_KEYS = ("annotations", "annotation")


def is_createml(content: Any) -> bool:
    """Tell whether parsed JSON is Create ML's: a list of photos."""
    return isinstance(content, list) and any(isinstance(item, dict) and _get(item, _PHOTO_KEYS) for item in content)


def read_createml(folder: Path, file: str, quarantine: Quarantine) -> list[PhotoRecord]:
    """Read an annotation file; see `parse_createml`.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.
        quarantine: Takes entries without a photo.

    Raises:
        AnnotationError: If it cannot be read.
    """
    return parse_createml(parse_json(folder / file, MAX_BYTES), file, quarantine)


def parse_createml(content: Any, file: str, quarantine: Quarantine) -> list[PhotoRecord]:
    """Take what a parsed file says.

    Raises:
        AnnotationError: If it is of another format, or its coordinates are shares.
    """
    if not is_createml(content):
        raise AnnotationError("no Create ML: it is no list of photos")
    records = []
    for number, item in enumerate(content):
        name = _get(item, _PHOTO_KEYS) if isinstance(item, dict) else None
        if not isinstance(name, str):
            quarantine.add(file, "annotation_without_photo", f"entry {number} (from 0) has no image")
            continue
        objects = _get(item, _OBJECTS_KEYS)
        if objects is not None and not isinstance(objects, list):
            records.append(PhotoRecord(file, name, unreadable=f"the annotations of {name} are no list"))
        else:
            records.append(PhotoRecord(file, name, None, [_read_object(entry) for entry in objects or ()]))
    refuse_shares(_list_boxes(records), "Create ML")
    return records


def _get(item: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if key in item), None)


def _list_boxes(records: list[PhotoRecord]) -> Iterator[list[float]]:
    yield from (list(item.box) for record in records for item in record.objects if item.box is not None)


def _read_object(entry: Any) -> RawObject:
    label = entry.get("label") if isinstance(entry, dict) else None
    category = label.strip() if isinstance(label, str) else ""
    place = entry.get("coordinates") if isinstance(entry, dict) else None
    if not isinstance(place, dict):
        return RawObject(category, None, fault="no coordinates")
    x, y, width, height = (to_number(place.get(key)) for key in ("x", "y", "width", "height"))
    if not all(map(math.isfinite, (x, y, width, height))):
        return RawObject(category, None, fault="box with a value that is no number")
    return RawObject(category, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
