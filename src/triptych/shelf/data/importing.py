"""Bring the photos of a raw folder into one form, over several processes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from triptych.parallel import count_workers, ordered_map
from triptych.shelf.data.photo_files import UPRIGHT, PhotoError, Size, Turn, store_photo
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import RawFiles

_BYTES_A_WORKER = 10_000_000  # fewer are read before another process has started
_MAX_STEM_BYTES = 150  # most file systems take 255, and something is added


@dataclass(frozen=True)
class ImportedPhoto:
    """A photo that has been written."""

    source: str
    """Its path relative to the raw folder."""
    file_name: str
    size: Size
    turn: Turn
    """How it was turned."""
    is_copied: bool
    """Whether it is the file it was, byte for byte."""

    @property
    def stored_size(self) -> Size:
        """Size before it was turned; swapping axes twice is not swapping them."""
        return self.turn.turn_size(self.size)

    def find_turn(self, annotated: Size | None) -> Turn | None:
        """Tell from the annotated size whether an annotation is of the photo as seen or as stored.

        Returns:
            How to turn the annotation; None where it is of a photo of another size. Where the size does not tell (it
            is not given, the photo is square, or was only mirrored or stood on its head), the annotation is taken to
            be of the photo as seen: so annotation tools show them.
        """
        if annotated in (None, self.size):
            return UPRIGHT
        return self.turn if annotated == self.stored_size else None


@dataclass(frozen=True)
class _Importer:
    files: RawFiles
    target: Path
    max_pixels: int

    def __call__(self, item: tuple[str, str]) -> ImportedPhoto | str:
        source, stem = item
        try:
            stored = store_photo(self.files.locate(source), self.target / stem, self.max_pixels)
        except PhotoError as error:
            return str(error)
        return ImportedPhoto(source, stored.file_name, stored.size, stored.turn, stored.is_copied)


def import_photos(
    files: RawFiles, target: Path, max_pixels: int, workers: int, quarantine: Quarantine
) -> dict[str, ImportedPhoto]:
    """Write every photo that can be read as upright 8-bit RGB.

    Args:
        files: What is in the raw folder.
        target: An existing folder for them.
        max_pixels: Refuse larger photos.
        workers: Processes; 0 takes every core, few photos take fewer.
        quarantine: Takes the others.

    Returns:
        The photos by their path in the raw folder.
    """
    sources = files.photos
    size = sum(files.locate(source).stat().st_size for source in sources)
    busy = min(count_workers(workers), 1 + size // _BYTES_A_WORKER)
    results = ordered_map(_Importer(files, target, max_pixels), name_photos(sources), busy)
    photos = {}
    for source, result in zip(sources, results, strict=True):
        if isinstance(result, str):
            quarantine.add(source, "unreadable_photo", result)
        else:
            photos[source] = result
    return photos


def name_photos(sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give every photo a name without suffix that no other has and every file system takes.

    It is the photo's own, but for odd characters; "-2" and so on is added where several have the same (in upper or
    lower case).
    """
    taken: set[str] = set()
    for source in sources:
        stem = re.sub(r"[^\w.() +-]", "_", unicodedata.normalize("NFC", PurePosixPath(source).stem), flags=re.ASCII)
        stem = stem[:_MAX_STEM_BYTES].strip(" .") or "photo"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        yield source, name
