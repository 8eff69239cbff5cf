"""From the folder that a user brings to upright photos and checked annotations."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from triptych.shelf.data.annotations import Annotator, assemble
from triptych.shelf.data.descriptions import Descriptions, read_descriptions
from triptych.shelf.data.formats.detection import FORMATS
from triptych.shelf.data.importing import ImportedPhoto, import_photos
from triptych.shelf.data.objects import CheckedObject
from triptych.shelf.data.photo_files import UPRIGHT
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import find_files
from triptych.shelf.params import IngestParams

_FOLDERS = "photos go there, into JPEGImages or images"
_FORMATS = (
    "Annotations/*.xml (Pascal VOC), *.json (COCO instances, LabelMe, Create ML), *.xml (CVAT for images), "
    "labels/*.txt and data.yaml (YOLO) or *.jsonl (Azure ML)"
)
_LEAST_SHARED = 5  # photos in two formats; of fewer one may be a mistake
_MOST_DIFFERING = 0.5

Annotated = list[tuple[ImportedPhoto, list[CheckedObject]]]


def ingest_folder(raw: Path, ingest: IngestParams, photos: Path) -> tuple[dict[str, Any], pd.DataFrame, dict[str, Any]]:
    """Read photos and annotations in any of the formats; put aside what cannot be used.

    A photo that several formats describe keeps what the first of `FORMATS` says. One that none describes is a
    negative, unless there is doubt (its annotation cannot be read, is of another size or fits several photos): then it
    is left out.

    Args:
        raw: The folder; folders below it are read too.
        ingest: What to read.
        photos: A folder for the photos, written to `images/` as upright 8-bit RGB.

    Returns:
        Annotations in COCO's instances format, with the original path of a photo as `source`; a row (`file`, `kind`,
        `reason`) for everything that was not as it should be; a report in plain JSON types.

    Raises:
        ValueError: If no photo or no object is left, or two formats differ on most of the photos that they share.
    """
    with TemporaryDirectory(prefix="shelf_photos_") as scratch:
        return _ingest(raw, ingest, photos, Path(scratch))


def _ingest(
    raw: Path, ingest: IngestParams, photos: Path, scratch: Path
) -> tuple[dict[str, Any], pd.DataFrame, dict[str, Any]]:
    start = time.perf_counter()
    quarantine = Quarantine()
    files = find_files(raw, quarantine)
    descriptions = read_descriptions(files, ingest, quarantine, scratch)
    if not files.photos:
        raise ValueError(f"no photos in {raw}: {_FOLDERS}, annotations as {_FORMATS}")
    folder = photos / "images"
    folder.mkdir(parents=True, exist_ok=True)
    imported = import_photos(files, folder, ingest.max_pixels, ingest.workers, quarantine)
    annotator = Annotator(descriptions, ingest, quarantine)
    annotated = _annotate(imported, annotator, folder)
    _refuse_contradiction(descriptions, annotator)
    result = assemble(annotated, ingest.categories, descriptions.splits)
    _check_rest(raw, result, ingest, quarantine)
    report = {
        "photos_found": len(files.photos),
        **_count_photos(annotated),
        **{f"{name}_files": descriptions.files[name] for name in FORMATS},
        **_count_objects(result),
        **annotator.counts.to_report(),
        "quarantine": quarantine.count(),
        "seconds": round(time.perf_counter() - start, 3),
    }
    return result, quarantine.to_table(), report


def _refuse_contradiction(descriptions: Descriptions, annotator: Annotator) -> None:
    """Stop where two formats differ on most photos: nobody can tell which of them is meant."""
    for (used, other), photos in annotator.differing.items():
        shared = sum({used, other} <= set(descriptions.formats_of(photo)) for photo in descriptions.records[used])
        if shared >= _LEAST_SHARED and len(photos) > _MOST_DIFFERING * shared:
            raise ValueError(
                f"{FORMATS[used]} and {FORMATS[other]} see different objects on {len(photos)} of the {shared} photos "
                f"that both describe, such as {photos[0]}: set shelf.ingest.annotations to {used!r} or {other!r}, or "
                "take the files of the other out of the folder"
            )


def _annotate(imported: dict[str, ImportedPhoto], annotator: Annotator, folder: Path) -> Annotated:
    """Take the photos that can be used with their objects; remove the others from the folder."""
    annotated = []
    for photo in imported.values():
        objects = annotator.annotate(photo)
        if objects is None:
            (folder / photo.file_name).unlink()
        else:
            annotated.append((photo, objects))
    return annotated


def _check_rest(raw: Path, result: dict[str, Any], ingest: IngestParams, quarantine: Quarantine) -> None:
    found = {category["name"] for category in result["categories"]}
    for name in set(ingest.categories) - found:
        quarantine.add("", "missing_category", f"no object of the category {name!r} in shelf.ingest.categories")
    if result["annotations"]:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in quarantine.count().items()) or "nothing put aside"
    first = "; ".join(f"{file}: {reason}" for file, _, reason in quarantine.rows[:3])
    raise ValueError(
        f"{len(result['images'])} photos and no objects are left of {raw} ({kinds}). Annotations go there as "
        f"{_FORMATS}; shelf.ingest.annotations is {ingest.annotations!r}, shelf.ingest.categories "
        f"{list(ingest.categories)}. First of what was put aside: {first or 'nothing'}"
    )


def _count_photos(annotated: Annotated) -> dict[str, int]:
    return {
        "photos": len(annotated),
        "photos_with_objects": sum(bool(objects) for _, objects in annotated),
        "photos_without_objects": sum(not objects for _, objects in annotated),
        "photos_copied": sum(photo.is_copied for photo, _ in annotated),
        "photos_converted": sum(not photo.is_copied for photo, _ in annotated),
        "photos_turned": sum(photo.turn != UPRIGHT for photo, _ in annotated),
    }


def _count_objects(result: dict[str, Any]) -> dict[str, Any]:
    names = {category["id"]: category["name"] for category in result["categories"]}
    return {
        "objects": len(result["annotations"]),
        "objects_with_masks": sum("segmentation" in item for item in result["annotations"]),
        "crowds": sum(item["iscrowd"] for item in result["annotations"]),
        "objects_by_category": dict(Counter(names[item["category_id"]] for item in result["annotations"])),
    }
