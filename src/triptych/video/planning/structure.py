"""Whether the elements of a Matroska file fit into each other (RFC 8794, sections 4 to 6).

Where they do not, FFmpeg skips to the next cluster, and nothing tells of the frames in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from triptych.video.media.truncation import EBML, SEGMENT, read_size

__all__ = ["find_break"]

CLUSTER = b"\x1f\x43\xb6\x75"


def find_break(path: Path) -> int | None:
    """Return at which byte the structure of a file breaks off; None where it is whole, or of another kind.

    A live recording, which does not say how long it is, is whole wherever it ends.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != EBML:
            return None
        file.seek(read_size(file) or 0, 1)
        if file.read(4) != SEGMENT:
            return None
        size = read_size(file)
        begins = file.tell()
        if size is None:
            at = _walk(file, begins, length)
            return None if at is None or _reaches(file, at, length) else at
        return _walk(file, begins, min(begins + size, length))


def _walk(file: BinaryIO, at: int, end: int) -> int | None:
    """Go from element to element, into clusters and over all others; return where one does not fit."""
    limit = end
    while at < end:
        limit = end if at == limit else limit  # a cluster may be over
        file.seek(at)
        kind, size, begins = _read_kind(file), read_size(file), file.tell()
        enters = kind == CLUSTER and limit == end
        if enters and size is None:  # it ends where the next one begins
            size = 0
        if not kind or size is None or begins + size > limit:
            return at
        if enters and size:
            limit = begins + size
        at = begins if enters else begins + size
    return None


def _reaches(file: BinaryIO, at: int, length: int) -> bool:
    """Tell whether an element is one that the end of the file cuts."""
    file.seek(at)
    size = read_size(file) if _read_kind(file) else None
    return size is not None and file.tell() + size > length


def _read_kind(file: BinaryIO) -> bytes:
    """Read the identifier of an element, one to four bytes; nothing where it is none."""
    first = file.read(1)
    if not first or first[0] < 0x10:
        return b""
    return first + file.read(8 - first[0].bit_length())
