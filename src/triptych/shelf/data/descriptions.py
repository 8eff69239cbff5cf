"""Which annotations belong to which photo."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from triptych.shelf.data.coco import OtherJsonError, read_coco
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import Match, PhotoNames, RawFiles, normalise, stem_of
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size
from triptych.shelf.params import IngestParams

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 50_000_000
"""Larger files are refused; one photo's annotations take some kilobytes."""


def read_voc(folder: Path, file: str) -> PhotoRecord:
    """Read an annotation file.

    `filename`, `size` and for each `object` its `name` and `bndbox` are read. An object without a readable box is
    kept with NaN, to be refused with the others.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.

    Raises:
        AnnotationError: If the file is no Pascal VOC annotation, or no harmless XML: entities and document types,
            with which a file can name other files or grow without bound, are refused.
    """
    root = _parse(folder / file)
    if root.tag != "annotation":
        raise AnnotationError(f"no Pascal VOC: its root is <{root.tag}>, not <annotation>")
    size = to_size(root.findtext("size/width"), root.findtext("size/height"))
    objects = [
        RawObject((item.findtext("name") or "").strip(), _read_box(item.find("bndbox")))
        for item in root.findall("object")
    ]
    return PhotoRecord(file, (root.findtext("filename") or "").strip(), size, objects)


def _parse(path: Path) -> Element:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AnnotationError(f"larger than {MAX_BYTES} bytes")
        root: Element | None = ElementTree.parse(path, forbid_dtd=True).getroot()
    # Damaged XML is a SyntaxError, forbidden XML a ValueError, an unknown encoding a LookupError.
    except (SyntaxError, ValueError, LookupError, OSError, MemoryError, RecursionError) as error:
        raise AnnotationError(f"unreadable XML: {error or type(error).__name__}") from error
    if root is None:
        raise AnnotationError("unreadable XML: it has no root")
    return root


def _read_box(bounds: Element | None) -> Box | None:
    if bounds is None:
        return None
    left, top, right, bottom = (to_number(bounds.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    return left, top, right, bottom


@dataclass
class Descriptions:
    """What is said about each photo, by its path."""

    voc: dict[str, list[PhotoRecord]] = field(default_factory=lambda: defaultdict(list))
    coco: dict[str, list[PhotoRecord]] = field(default_factory=lambda: defaultdict(list))
    doubtful: dict[str, str] = field(default_factory=dict)
    """Photos that are annotated in a way that cannot be made out, and the reason: neither examples nor negatives."""
    is_incomplete: bool = False
    """Whether a file could not be read that may have described any photo."""
    voc_files: int = 0
    coco_files: int = 0

    def choose(self, photo: str) -> list[PhotoRecord]:
        """Take what COCO says about a photo, or else what Pascal VOC says, or nothing."""
        return self.coco.get(photo) or self.voc.get(photo) or []

    def doubt(self, photos: tuple[str, ...], reason: str) -> None:
        """Mark photos as doubtful."""
        for photo in photos:
            self.doubtful.setdefault(photo, reason)


def read_descriptions(files: RawFiles, ingest: IngestParams, quarantine: Quarantine) -> Descriptions:
    """Read all annotation files and find their photos.

    Args:
        files: What is in the raw folder.
        ingest: Which formats to read.
        quarantine: Takes files that cannot be read, and every name that fits no photo, several, or not exactly.
    """
    names = PhotoNames(files.photos)
    found = Descriptions()
    if ingest.annotations != "voc":
        for file in files.coco:
            _add_coco(file, files, names, found, quarantine)
    if ingest.annotations != "coco":
        for file in files.voc:
            _add_voc(file, files, names, found, quarantine)
    _doubt_copies(files.photos, found)
    return found


def _doubt_copies(photos: list[str], found: Descriptions) -> None:
    """Doubt photos without annotation that share their name, but for folder and suffix, with one that has some."""
    described = {stem_of(photo): photo for photo in reversed(photos) if found.choose(photo)}
    for photo in photos:
        other = described.get(stem_of(photo))
        if other and not found.choose(photo):
            found.doubt((photo,), f"not annotated, but {other}, of the same name, is: it may show the same")


def _add_coco(file: str, files: RawFiles, names: PhotoNames, found: Descriptions, quarantine: Quarantine) -> None:
    try:
        records = read_coco(files.folder, file, quarantine)
    except AnnotationError as error:
        quarantine.add(file, "unreadable_annotation", str(error))
        found.is_incomplete |= not isinstance(error, OtherJsonError)
        return
    found.coco_files += 1
    for record in records:
        photo = _settle(record, names.find(record.name, file), found, quarantine)
        if photo is None:
            continue
        if any(other.file == file for other in found.coco[photo]):
            reason = f"{photo} is listed more than once: all that is said about it counts"
            quarantine.add(file, "duplicate_annotation", reason)
        found.coco[photo].append(record)


def _add_voc(file: str, files: RawFiles, names: PhotoNames, found: Descriptions, quarantine: Quarantine) -> None:
    try:
        record = read_voc(files.folder, file)
    except AnnotationError as error:
        quarantine.add(file, "unreadable_annotation", str(error))
        found.doubt(names.find_stem(file).candidates, f"its annotation {file} cannot be read")
        return
    found.voc_files += 1
    photo = _settle(record, _find_voc_photo(record, names), found, quarantine)
    if photo is None:
        return
    if found.voc[photo]:
        reason = f"{photo} is described by {found.voc[photo][0].file} already: not used"
        quarantine.add(file, "duplicate_annotation", reason)
    else:
        found.voc[photo].append(record)


def _find_voc_photo(record: PhotoRecord, names: PhotoNames) -> Match:
    """Find the photo of an XML file: the one it names, unless another has the file's own name.

    Renamed files keep the old name inside, so where the two disagree the file's own counts.
    """
    if stem_of(record.name) == stem_of(record.file):
        match = names.find(record.name, record.file)
        if match.photo is not None:
            return match
    match = names.find_stem(record.file)
    if not match.candidates:
        return names.find(record.name, record.file) if record.name else match
    if match.photo is None or PurePosixPath(match.photo).name == PurePosixPath(normalise(record.name)).name:
        return match
    return Match(match.photo, match.candidates, "found by the name of the annotation file")


def _settle(record: PhotoRecord, match: Match, found: Descriptions, quarantine: Quarantine) -> str | None:
    """List whatever is odd about a match; return the photo if there is one."""
    if match.photo is not None:
        if match.note:
            reason = f"names the photo {record.name!r}; {match.photo} is {match.note}"
            quarantine.add(record.file, "different_name", reason)
        return match.photo
    if match.candidates:
        reason = f"names the photo {record.name!r}, which may be any of {', '.join(match.candidates[:5])}: not used"
        quarantine.add(record.file, "ambiguous_name", reason)
        found.doubt(match.candidates, f"it is unclear whether {record.file} describes it")
    else:
        reason = f"names the photo {record.name!r}, which is not in the folder"
        quarantine.add(record.file, "annotation_without_photo", reason)
    return None
