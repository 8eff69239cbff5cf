"""Read COCO instances: one JSON file for many photos.

Format: https://cocodataset.org/#format-data, "Object Detection".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from triptych.shelf.data.formats.files import parse_json, refuse_shares
from triptych.shelf.data.quarantine import Quarantine, printable
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

MAX_BYTES = 1_000_000_000
"""Larger files are refused; the training annotations of COCO itself take half of it."""

_LEAST_COORDINATES = 6  # of a polygon


class OtherJsonError(AnnotationError):
    """A JSON file that holds something else than annotations."""


def read_coco(folder: Path, file: str, quarantine: Quarantine) -> list[PhotoRecord]:
    """Read an annotation file; entries that make no sense go to the quarantine, the others count.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.
        quarantine: Takes entries without an id or a name, ids used twice, annotations of unknown photos.

    Returns:
        A record for each photo listed, in the file's order.

    Raises:
        OtherJsonError: If it is well-formed JSON that has nothing to do with COCO.
        AnnotationError: If it cannot be read.
    """
    return parse_coco(parse_json(folder / file, MAX_BYTES), file, quarantine)


def parse_coco(content: Any, file: str, quarantine: Quarantine) -> list[PhotoRecord]:
    """Take what a parsed file says; see `read_coco`."""
    if not isinstance(content, dict) or not {"images", "annotations"} & content.keys():
        raise OtherJsonError("no COCO instances: it has neither images nor annotations; not used")
    missing = [key for key in ("images", "annotations", "categories") if not isinstance(content.get(key), list)]
    if missing:
        raise AnnotationError(f"no COCO instances: it has no list of {', '.join(missing)}")
    items = (item for item in content["annotations"] if isinstance(item, dict))
    refuse_shares((shape for item in items for shape in _list_shapes(item)), "COCO")
    names = _read_categories(content["categories"])
    records = _read_images(content["images"], file, quarantine)
    for number, item in enumerate(content["annotations"]):
        photo = _hashable(item.get("image_id")) if isinstance(item, dict) else None
        if photo in records:
            records[photo].objects.append(_read_object(item, names))
        else:
            reason = f"annotation {number} (from 0) is of no photo in images: image_id {printable(photo)}"
            quarantine.add(file, "annotation_without_photo", reason)
    return list(records.values())


def _list_shapes(item: dict[str, Any]) -> Iterator[list[float]]:
    """List the edges of an annotation's box and the coordinates of its polygons, where they are what they should be."""
    box = _read_box(item.get("bbox"))
    if box is not None and box[0] < box[2] and box[1] < box[3]:
        yield list(box)
    polygons = item.get("segmentation")
    for polygon in polygons if isinstance(polygons, list) else []:
        if isinstance(polygon, list) and len(polygon) >= _LEAST_COORDINATES:
            yield [to_number(value) for value in polygon]


def _entries(items: list[Any]) -> Iterator[tuple[int, Hashable, dict[str, Any]]]:
    """Number the entries, and take out the id, None where it makes no sense."""
    for number, item in enumerate(items):
        entry = item if isinstance(item, dict) else {}
        yield number, _hashable(entry.get("id")), entry


def _hashable(identifier: object) -> Hashable:
    """Give an id, None for what is none; 7.0, which tables make of 7 where a column has gaps, is equal to it."""
    if isinstance(identifier, float):
        return identifier if identifier.is_integer() else None
    return identifier if isinstance(identifier, int | str) and not isinstance(identifier, bool) else None


def _read_categories(items: list[Any]) -> dict[Hashable, str]:
    named = ((identifier, item.get("name")) for _, identifier, item in _entries(items))
    return {identifier: name.strip() for identifier, name in named if identifier is not None and isinstance(name, str)}


def _read_images(items: list[Any], file: str, quarantine: Quarantine) -> dict[Hashable, PhotoRecord]:
    records: dict[Hashable, PhotoRecord] = {}
    for number, identifier, item in _entries(items):
        name = item.get("file_name")
        if identifier is None or not isinstance(name, str):
            quarantine.add(file, "annotation_without_photo", f"image {number} (from 0) has no id or no file_name")
        elif identifier in records:
            reason = f"image {number} (from 0) has the id {printable(identifier)} of another: not used"
            quarantine.add(file, "duplicate_annotation", reason)
        else:
            records[identifier] = PhotoRecord(file, name, to_size(item.get("width"), item.get("height")))
    return records


def _read_object(item: dict[str, Any], names: dict[Hashable, str]) -> RawObject:
    category = names.get(_hashable(item.get("category_id")), "")
    # [] and [[]] stand for no mask, and numbers without a list around them for the only polygon.
    segmentation = item.get("segmentation")
    segmentation = None if segmentation in (None, [], [[]], {}) else segmentation
    if isinstance(segmentation, list) and not any(isinstance(part, list) for part in segmentation):
        segmentation = [segmentation]
    box = _read_box(item.get("bbox"))
    if box is not None and segmentation and not any(box):
        box = None  # 0, 0, 0, 0 is what some tools write beside a mask
    return RawObject(category, box, segmentation, item.get("iscrowd") in (1, "1"))


def _read_box(box: object) -> Box | None:
    if box is None or box == []:
        return None
    if not isinstance(box, list) or len(box) != 4:
        return (float("nan"),) * 4
    left, top, width, height = (to_number(value) for value in box)
    return left, top, left + width, top + height
