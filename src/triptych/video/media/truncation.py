"""Whether a file is as long as its own structure says: the one sure sign of a cut download.

Demuxers stop silently at the end of a cut file. ISO base media files (ISO/IEC 14496-12, 4.2), Matroska (RFC 8794,
sections 5 and 6) and RIFF say how long their parts are.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["EBML", "SEGMENT", "find_truncation", "is_webm", "read_size"]

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp")
NEEDED = (b"moov", b"moof", b"mdat")
BETWEEN = (b"free", b"skip", b"wide", b"uuid")


def find_truncation(path: Path) -> str | None:
    """Say what is missing at the end of a file, or return None where its structure fits its length.

    Args:
        path: A file of any kind; of unknown kinds nothing can be said.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[4:8] in FIRST_BOXES:
            return _check_boxes(file, length)
        end = None
        if start.startswith(EBML):
            end = _find_segment_end(file)
        elif start.startswith(b"RIFF"):
            end = 8 + struct.unpack("<I", start[4:8])[0]
    return _tell(end, length) if end is not None else None


def is_webm(path: Path) -> bool:
    """Tell WebM from other Matroska by its document type."""
    with path.open("rb") as file:
        return b"\x42\x82\x84webm" in file.read(128)


def _tell(end: int, length: int) -> str | None:
    return f"the file is cut off: {length} of {end} bytes are there" if end > length else None


def _check_boxes(file: BinaryIO, length: int) -> str | None:
    position, kinds = 0, [b""]
    while position + 8 <= length:
        file.seek(position)
        size, kind = _read_box(file, length - position)
        problem = _tell(position + size, length)
        if size < 8 or (problem and kind not in NEEDED):
            break  # whatever stands behind the last box: zeros, text, a tag, a note of some program
        if problem:
            return problem
        kinds.append(kind)
        position += size
    if b"moov" not in kinds:
        return "the file is cut off: its index (moov) is missing"
    # Each fragment's index (moof) stands before its frames.
    whole = b"mdat" in kinds and next(kind for kind in reversed(kinds) if kind not in BETWEEN) != b"moof"
    return None if whole else "the file is cut off: frames (mdat) are missing"


def _read_box(file: BinaryIO, rest: int) -> tuple[int, bytes]:
    """Return size and kind of a box, of what is left of the file."""
    header = file.read(16)
    size, kind = struct.unpack(">I", header[:4])[0], header[4:8]
    if size == 1 and len(header) == 16:
        size = struct.unpack(">Q", header[8:])[0]
    return size or rest, kind


def _find_segment_end(file: BinaryIO) -> int | None:
    """Return where the first segment of a Matroska file ends, None where it does not say (live recordings)."""
    file.seek(4)
    header = read_size(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(4) != SEGMENT:
        return None
    size = read_size(file)
    return None if size is None else file.tell() + size


def read_size(file: BinaryIO) -> int | None:
    """Read a variable-size integer; None where all its bits are 1, which means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    bits = 7 * (more + 1)
    value = int.from_bytes(first + file.read(more), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
