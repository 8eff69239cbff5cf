"""Which annotations belong to which photo."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from triptych.shelf.data.formats.azureml import path_of
from triptych.shelf.data.formats.detection import FORMATS, ONE_FILE_A_PHOTO, AnnotationFiles, OtherFileError
from triptych.shelf.data.formats.yolo import list_splits, place_of_photos
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import Match, PhotoNames, RawFiles, normalise, split_of, stem_of
from triptych.shelf.data.records import AnnotationError, PhotoRecord
from triptych.shelf.params import IngestParams


@dataclass
class Descriptions:
    """What is said about each photo, by its path."""

    records: dict[str, dict[str, list[PhotoRecord]]] = field(
        default_factory=lambda: {name: defaultdict(list) for name in FORMATS}
    )
    """By format, those that are preferred first."""
    files: Counter[str] = field(default_factory=Counter)
    """Files of each format."""
    splits: dict[str, str] = field(default_factory=dict)
    """Roles of photos (`train`, `validation`, `test`) where folders or files divide them."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """Photos that are annotated in a way that cannot be made out, and the reason: neither examples nor negatives."""
    is_incomplete: bool = False
    """Whether a file could not be read that may have described any photo."""

    def formats_of(self, photo: str) -> list[str]:
        """List the formats that describe a photo, the preferred one first."""
        return [name for name, records in self.records.items() if records.get(photo)]

    def choose(self, photo: str) -> list[PhotoRecord]:
        """Take what the preferred format says about a photo, or nothing."""
        return next((self.records[name][photo] for name in self.formats_of(photo)), [])

    def doubt(self, photos: tuple[str, ...], reason: str) -> None:
        """Mark photos as doubtful."""
        for photo in photos:
            self.doubtful.setdefault(photo, reason)


def read_descriptions(files: RawFiles, ingest: IngestParams, quarantine: Quarantine, scratch: Path) -> Descriptions:
    """Read all annotation files and find their photos.

    Args:
        files: What is in the raw folder; photos that annotation files hold are added.
        ingest: Which formats to read.
        quarantine: Takes files that cannot be read, and every name that fits no photo, several, or not exactly.
        scratch: An existing folder for photos that annotation files hold.
    """
    reader = _Reader(files, ingest, quarantine, scratch)
    for file in reader.annotation_files.names:
        reader.read(file)
    _doubt_copies(files.photos, reader.found)
    _find_splits(files, reader)
    return reader.found


class _Reader:
    """Reads files one by one, and keeps what they say."""

    def __init__(self, files: RawFiles, ingest: IngestParams, quarantine: Quarantine, scratch: Path) -> None:
        self._files, self._quarantine, self._scratch = files, quarantine, scratch
        self._wanted = ingest.annotations
        self.annotation_files = AnnotationFiles(files, ingest.annotations, quarantine)
        self.names = PhotoNames(files.photos)
        self.found = Descriptions()

    def read(self, file: str) -> None:
        try:
            form, records = self.annotation_files.read(file)
        except AnnotationError as error:
            self._refuse(file, error)
            return
        if self._wanted not in ("auto", form):
            return
        self.found.files[form] += 1
        for record in records:
            self._add(form, record)

    def _refuse(self, file: str, error: AnnotationError) -> None:
        """Doubt the photo of the file's name; where there is none, an unreadable list of photos spoils the rest."""
        self._quarantine.add(file, "unreadable_annotation", str(error))
        if isinstance(error, OtherFileError):
            return
        match = self.names.find_stem(file, place_of_photos(file))
        self.found.doubt(match.candidates, f"its annotation {file} cannot be read")
        self.found.is_incomplete |= not match.candidates and self.annotation_files.may_list_photos(file)

    def _add(self, form: str, record: PhotoRecord) -> None:
        match = self._match(form, record)
        if match.photo is None and not match.candidates and record.embedded and not record.unreadable:
            match = self._unpack(record)
        record.embedded = None
        if record.unreadable:
            self._quarantine.add(record.file, "unreadable_annotation", record.unreadable)
            self.found.doubt(match.candidates, f"its annotation in {record.file} cannot be read")
            self.found.is_incomplete |= not match.candidates
            return
        photo = _settle(record, match, self.found, self._quarantine)
        if photo is not None:
            self._keep(form, photo, record)

    def _match(self, form: str, record: PhotoRecord) -> Match:
        if form in ("voc", "labelme"):
            return _find_own_photo(record, self.names)
        if form == "yolo":
            return self.names.find_stem(record.file, place_of_photos(record.file))
        if form == "azureml":
            return self.names.find_end(path_of(record.name))
        return self.names.find(record.name, record.file)

    def _unpack(self, record: PhotoRecord) -> Match:
        """Make a photo of what the annotation file holds, under that file's name."""
        path = self._scratch / str(len(self._files.elsewhere))
        path.write_bytes(record.embedded or b"")
        self._files.photos.append(record.file)
        self._files.elsewhere[record.file] = path
        return Match(record.file, (record.file,))

    def _keep(self, form: str, photo: str, record: PhotoRecord) -> None:
        known = self.found.records[form][photo]
        if record.split:
            self.found.splits[photo] = record.split
        if known and form in ONE_FILE_A_PHOTO:
            reason = f"{photo} is described by {known[0].file} already: not used"
            self._quarantine.add(record.file, "duplicate_annotation", reason)
            return
        if any(other.file == record.file for other in known):
            reason = f"{photo} is listed more than once: all that is said about it counts"
            self._quarantine.add(record.file, "duplicate_annotation", reason)
        known.append(record)


def _doubt_copies(photos: list[str], found: Descriptions) -> None:
    """Doubt photos without annotation that share their name, but for folder and suffix, with one that has some."""
    described = {stem_of(photo): photo for photo in reversed(photos) if found.choose(photo)}
    for photo in photos:
        other = described.get(stem_of(photo))
        if other and not found.choose(photo):
            found.doubt((photo,), f"not annotated, but {other}, of the same name, is: it may show the same")


def _find_splits(files: RawFiles, reader: _Reader) -> None:
    """Find the roles that `data.yaml`, or else the names of folders, give to photos."""
    splits = reader.found.splits
    for role, path, listed in list_splits(files.folder, reader.annotation_files.classes, frozenset(files.texts)):
        for name in listed:
            photo = reader.names.find_end(name).photo
            if photo is not None:
                splits.setdefault(photo, role)
        for photo in files.photos if path and not listed else ():
            if f"/{path}/" in f"/{photo}":
                splits.setdefault(photo, role)
    for photo in files.photos:
        if role := split_of(photo):
            splits.setdefault(photo, role)


def _find_own_photo(record: PhotoRecord, names: PhotoNames) -> Match:
    """Find the photo of a file that is of one photo: the one it names, unless another has the file's own name.

    Renamed files keep the old name inside, so where the two disagree the file's own counts.
    """
    if stem_of(record.name) == stem_of(record.file):
        match = names.find(record.name, record.file)
        if match.photo is not None:
            return match
    match = names.find_stem(record.file)
    if not match.candidates:
        return names.find(record.name, record.file) if record.name else match
    named = PurePosixPath(normalise(record.name)).name
    if match.photo is None or named in ("", PurePosixPath(match.photo).name):
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
