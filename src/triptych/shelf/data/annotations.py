"""Put the annotations of all photos together in COCO's instances format."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triptych.shelf.data.descriptions import Descriptions
from triptych.shelf.data.formats.detection import FORMATS
from triptych.shelf.data.importing import ImportedPhoto
from triptych.shelf.data.objects import CheckedObject, check_object
from triptych.shelf.data.photo_files import UPRIGHT
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.records import AnnotationError, PhotoRecord
from triptych.shelf.data.segmentations import Frame
from triptych.shelf.params import IngestParams


@dataclass
class Counts:
    """What was met; each name is a key of the report."""

    photos_in_several_formats: int = 0
    turned_annotations: int = 0
    clipped_boxes: int = 0
    duplicate_objects: int = 0
    objects_of_other_categories: int = 0
    refused_objects: Counter[str] = field(default_factory=Counter)
    refused_polygons: Counter[str] = field(default_factory=Counter)

    def to_report(self) -> dict[str, Any]:
        """Write it in plain JSON types."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}


class Annotator:
    """Checks what is said about photos.

    Args:
        descriptions: What is said.
        ingest: Which categories and boxes to keep.
        quarantine: Takes photos left out and objects refused.
    """

    def __init__(self, descriptions: Descriptions, ingest: IngestParams, quarantine: Quarantine) -> None:
        self._descriptions = descriptions
        self._ingest = ingest
        self._quarantine = quarantine
        self.counts = Counts()
        self.differing: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """Photos on which two formats see different objects, by the one that is used and the other."""

    def annotate(self, photo: ImportedPhoto) -> list[CheckedObject] | None:
        """Check the objects of a photo.

        Returns:
            Its objects, none for a negative; None where the photo must be left out, as what is on it is unknown.
        """
        records = self._descriptions.choose(photo.source)
        if not records:
            return self._annotate_without(photo)
        self._compare_formats(photo.source)
        objects: dict[tuple[Any, ...], CheckedObject] = {}
        for record in records:
            checked = self._check_record(record, photo)
            if checked is None:
                return None
            self._merge(checked, objects)
        return list(objects.values())

    def _annotate_without(self, photo: ImportedPhoto) -> list[CheckedObject] | None:
        reason = self._descriptions.doubtful.get(photo.source, "")
        if not reason and self._descriptions.is_incomplete:
            reason = "not annotated, but an annotation file that cannot be read may describe it"
        if reason:
            self._quarantine.add(photo.source, "photo_left_out", reason)
            return None
        self._quarantine.add(photo.source, "photo_without_annotation", "taken as a photo without objects")
        return []

    def _compare_formats(self, photo: str) -> None:
        """List where formats see different objects on a photo, which then are not of the same annotation."""
        used, *others = self._descriptions.formats_of(photo)
        self.counts.photos_in_several_formats += bool(others)
        objects = {name: self._count_objects(name, photo) for name in (used, *others)}
        for other in others:
            if objects[other] == objects[used]:
                continue
            seen, also_seen = (_show_counts(objects[name]) for name in (used, other))
            title = FORMATS[used]
            reason = f"{seen} in {title} format, {also_seen} in {FORMATS[other]}: those in {title} format are used"
            self._quarantine.add(photo, "formats_differ", reason)
            self.differing[used, other].append(photo)

    def _count_objects(self, name: str, photo: str) -> Counter[str]:
        records = self._descriptions.records[name][photo]
        return Counter(item.category for record in records for item in record.objects)

    def _check_record(self, record: PhotoRecord, photo: ImportedPhoto) -> list[CheckedObject] | None:
        frame = self._find_frame(record, photo)
        if frame is None:
            return None
        self.counts.turned_annotations += frame.turn != UPRIGHT
        checked, refused = [], Counter[str]()
        for raw in record.objects:
            if self._ingest.categories and raw.category and raw.category not in self._ingest.categories:
                self.counts.objects_of_other_categories += 1
                continue
            try:
                scaled = raw.scale(frame.size) if record.in_shares else raw
                checked.append(check_object(scaled, frame, self._ingest.min_box_px))
            except AnnotationError as error:
                refused[str(error)] += 1
        self._list_refused(record, photo.source, refused, self.counts.refused_objects, "objects")
        polygons = Counter(reason for item in checked if item.segmentation for reason in item.segmentation.refused)
        self._list_refused(record, photo.source, polygons, self.counts.refused_polygons, "parts of masks")
        return checked

    def _find_frame(self, record: PhotoRecord, photo: ImportedPhoto) -> Frame | None:
        """Find how a record lies on the photo; None where it does not."""
        size = record.size
        if size is not None and 0 in size:
            reason = f"gives {photo.source} the size {size.width} x {size.height}: taken as not given"
            self._quarantine.add(record.file, "different_size", reason)
            size = None
        turn = photo.find_turn(size)
        if turn is not None:
            return Frame(size or photo.size, turn)
        annotated, real = (f"{width} x {height}" for width, height in (size or photo.size, photo.size))
        reason = f"annotates {photo.source} as {annotated}, but it is {real}: photo left out"
        self._quarantine.add(record.file, "different_size", reason)
        self._quarantine.add(photo.source, "photo_left_out", f"{record.file} is of a photo of another size")
        return None

    def _list_refused(
        self, record: PhotoRecord, photo: str, reasons: Counter[str], total: Counter[str], things: str
    ) -> None:
        total.update(reasons)
        for reason, count in reasons.items():
            self._quarantine.add(record.file, "refused_object", f"{count} {things} on {photo}: {reason}")

    def _merge(self, checked: Iterable[CheckedObject], objects: dict[tuple[Any, ...], CheckedObject]) -> None:
        """Add objects that are not there yet; of the same one with and without a mask, keep the mask."""
        for item in checked:
            self.counts.clipped_boxes += item.is_clipped
            known = objects.get(item.identity)
            self.counts.duplicate_objects += known is not None
            if known is None or (known.segmentation is None and item.segmentation is not None):
                objects[item.identity] = item


def _show_counts(counts: Counter[str]) -> str:
    named = ", ".join(f"{count} {name!r}" for name, count in sorted(counts.items()))
    return f"{counts.total()} objects ({named})" if named else "no objects"


def assemble(
    photos: list[tuple[ImportedPhoto, list[CheckedObject]]], categories: tuple[str, ...], splits: Mapping[str, str]
) -> dict[str, Any]:
    """Write COCO's instances format: photos by name, ids from 1.

    Args:
        photos: Photos with their objects.
        categories: Order of the categories; those without objects are left out. None: all, by name.
        splits: Roles that were given to photos, by their source; `split` of an image.
    """
    photos = sorted(photos, key=lambda item: item[0].file_name)
    found = {item.category for _, objects in photos for item in objects}
    names = [name for name in categories or sorted(found) if name in found]
    ids = {name: number for number, name in enumerate(names, start=1)}
    items = [(number, item) for number, (_, objects) in enumerate(photos, start=1) for item in objects]
    return {
        "images": [
            {"id": number, "file_name": photo.file_name, **photo.size._asdict(), "source": photo.source}
            | ({"split": splits[photo.source]} if photo.source in splits else {})
            for number, (photo, _) in enumerate(photos, start=1)
        ],
        "annotations": [
            {"id": number, "image_id": image, "category_id": ids[item.category], **item.to_coco()}
            for number, (image, item) in enumerate(items, start=1)
        ],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
    }
