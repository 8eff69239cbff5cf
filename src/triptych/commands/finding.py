"""Find the empty spaces on photos."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.shelf.model.prediction import Photo

__all__ = ["Found", "draw", "find", "list_photos", "to_coco", "to_csv"]

MOST_PIXELS = 100_000_000
_COLUMNS = ("file", "category", "score", "x", "y", "width", "height")


@dataclass
class Found:
    """What was found on photos.

    Attributes:
        categories: What is looked for, by id.
        sizes: Height and width of each photo, in pixels; photos that could not be read are missing.
        detections: On each of these photos, in COCO's results format, best first.
        rejected: Why the others could not be read.
    """

    categories: dict[int, str]
    sizes: dict[Path, tuple[int, int]] = field(default_factory=dict)
    detections: dict[Path, list[dict[str, Any]]] = field(default_factory=dict)
    rejected: dict[Path, str] = field(default_factory=dict)


def list_photos(places: Sequence[Path]) -> list[Path]:
    """List photos: files as they are named, of folders all that end as photos do, hidden ones left out.

    Raises:
        InputError: If there is no photo at all.
    """
    from triptych.shelf.data.photo_files import PHOTO_SUFFIXES

    photos: list[Path] = []
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        photos += [
            path
            for path in inside
            if path == place
            or (path.suffix.lower() in PHOTO_SUFFIXES and not path.is_dir() and not _is_hidden(path.relative_to(place)))
        ]
    if not photos:
        raise InputError(f"there is no photo in {', '.join(map(str, places))}")
    return list(dict.fromkeys(photos))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def find(
    model: Path, photos: Sequence[Path], threshold: float | None = None, tick: Callable[[], Any] = lambda: None
) -> Found:
    """Look at photos, one after the other; one that cannot be read loses no other.

    Args:
        model: Folder of the detector.
        photos: The files.
        threshold: Detections with a lower score are left out; None: the model's own.
        tick: Called after each photo.

    Raises:
        InputError: If the folder holds no detector.
    """
    from triptych.shelf.data.photo_files import PhotoError
    from triptych.shelf.model.files import load_detector
    from triptych.shelf.model.prediction import predict_prepared, prepare_photo

    try:
        detector = load_detector(model)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"{model} cannot be read as a detector: {error}") from error
    found = Found(dict(enumerate(detector.categories, start=1)))
    least = detector.score_threshold if threshold is None else threshold

    def prepare() -> Iterator[Photo]:
        for number, path in enumerate(photos):
            try:
                photo = prepare_photo(path, number, detector.params, MOST_PIXELS)
            except PhotoError as error:
                found.rejected[path] = str(error)
                tick()
                continue
            found.sizes[path] = photo.whole
            yield photo

    order = iter(photos)
    for results in predict_prepared(detector, prepare(), 1, "auto"):
        # Those that were rejected before this one are known by now.
        path = next(path for path in order if path not in found.rejected)
        believed = [item for item in results if item["score"] >= least]
        found.detections[path] = sorted(believed, key=lambda item: -item["score"])
        tick()
    return found


def draw(found: Found, photos: Iterable[Path], name_of: Callable[[Path], Path]) -> None:
    """Draw what was found; each picture appears whole.

    Args:
        found: What was found.
        photos: Of which to draw pictures.
        name_of: Says where the picture of a photo goes; its ending says in which format.
    """
    from PIL import Image

    from triptych.shelf.data.photo_files import read_photo
    from triptych.shelf.evaluation.overlays import FOUND, draw_overlay, mark_detections
    from triptych.storage.local_files import replace_file

    for path in photos:
        marks = mark_detections(found.detections[path], found.categories)
        picture = draw_overlay(read_photo(path, MOST_PIXELS), marks, path.name, kinds=(FOUND,))
        target = name_of(path)
        encoding = Image.registered_extensions()[target.suffix.lower()]
        with replace_file(target) as part:
            Image.fromarray(picture).save(part, format=encoding)


def to_csv(found: Found) -> str:
    """Write a row for each detection, boxes in pixels of the upright photo."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for path, items in found.detections.items():
        for item in items:
            table.writerow([path, found.categories[item["category_id"]], item["score"], *item["bbox"]])
    return text.getvalue()


def to_coco(found: Found) -> str:
    """Write images, categories and annotations in COCO's format, with the score of each."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (path, items) in enumerate(found.detections.items(), start=1):
        height, width = found.sizes[path]
        images.append({"id": number, "file_name": str(path), "width": width, "height": height})
        for item in items:
            area = round(item["bbox"][2] * item["bbox"][3], 2)
            own = {"id": len(annotations) + 1, "image_id": number, "area": area, "iscrowd": 0}
            annotations.append({**item, **own})
    categories = [{"id": number, "name": name} for number, name in found.categories.items()]
    return json.dumps({"images": images, "categories": categories, "annotations": annotations}, indent=1) + "\n"
