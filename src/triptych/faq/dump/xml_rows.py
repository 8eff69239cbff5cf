"""Lines of a Stack Exchange dump: how all lines of a block start, and one `<row ... />` as attributes.

Reading line by line in Python takes longer than a disk needs to deliver a dump; numpy and Arrow read the starts
of thousands of lines at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from triptych.faq.dump.columns import Ids

Offsets = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]

MAX_ID = 2**31 - 1
"""Ids are 32-bit integers in Stack Exchange's database."""

MAX_TYPE = 99
"""The largest PostTypeId or LinkTypeId taken for one (the real ones are below 20)."""

_PIECE_BYTES = 2 << 20
# Matches every line; what it does not find is empty.
_USUAL_START = (
    r'^(?: {0,4}<row Id="(?P<post_id>[0-9]{1,9})" PostTypeId="(?P<kind>[0-9]{1,9})"'
    r'(?: ParentId="(?P<parent>[0-9]{1,9})")?)?'
)
_ROW_START = re.compile(rb"<row[\s/>]")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]{1,10}")


class RowStarts(NamedTuple):
    """One entry a line, in order."""

    start: Offsets
    """Offset of the line's first byte."""

    end: Offsets
    """Offset after its last byte, its line feed included."""

    is_usual: Flags
    """Whether the line is `<row Id="N" PostTypeId="T" ... />`, with no other `<` and in UTF-8. The numbers
    below mean something only then."""

    post_id: Ids
    kind: Ids
    """PostTypeId."""

    parent: Ids
    """ParentId where that is the third attribute, else 0."""


def read_row_starts(data: bytes) -> Iterator[RowStarts]:
    """Find the lines of a block and read how each one starts.

    Args:
        data: whole lines; the last may lack its line feed.

    Yields:
        Lines in order, about 2 MiB of them at a time: it stays in the cache, and a block of nothing but line feeds
        needs little memory too.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    start = 0
    while start < len(data):
        stop = data.rfind(b"\n", start, start + _PIECE_BYTES) + 1 or data.find(b"\n", start) + 1 or len(data)
        yield _read_piece(octets[start:stop], start)
        start = stop


def _read_piece(octets: Octets, offset: int) -> RowStarts:
    """Read a piece of whole lines that starts at an offset of its block."""
    ends = np.flatnonzero(octets == ord("\n")) + 1
    bounds = np.concatenate([[0], ends, [len(octets)] if octets[-1] != ord("\n") else []]).astype(np.int32)
    # Arrow gets the lines without a copy, and does not check yet whether they are UTF-8.
    lines = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(octets))
    post_id, kind, parent = _read_numbers(lines)
    openings = np.diff(np.searchsorted(np.flatnonzero(octets == ord("<")), bounds))
    is_usual = (kind >= 1) & (kind <= MAX_TYPE) & (openings == 1) & _ends_row(octets, bounds[1:]) & _is_utf8(lines)
    return RowStarts(bounds[:-1] + offset, bounds[1:] + offset, is_usual, post_id, kind, parent)


def _read_numbers(lines: pa.StringArray) -> list[Ids]:
    """Return post id, kind and parent of each line, 0 where it has none in the usual place."""
    texts = [pc.ascii_lpad(text, width=1, padding="0") for text in pc.extract_regex(lines, _USUAL_START).flatten()]
    return [np.from_dlpack(text.cast(pa.int32())).astype(np.int32, copy=False) for text in texts]


def _ends_row(octets: Octets, end: Offsets) -> Flags:
    """Tell which lines end in `/>`, line feed and carriage return aside."""
    for space in b"\n\r":
        end = end - (octets.take(end - 1, mode="clip") == space)
    is_closed: Flags = octets.take(end - 1, mode="clip") == ord(">")
    is_closed &= octets.take(end - 2, mode="clip") == ord("/")
    return is_closed


def _is_utf8(lines: pa.StringArray) -> bool:
    """Check all lines at once: Arrow does this at many gigabytes a second."""
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class BrokenRowError(ValueError):
    """A row that cannot be used; the message is the reason."""


class RefusedRowError(ValueError):
    """A line that declares a document type or an entity."""


def parse_row(line: bytes) -> dict[str, str]:
    """Parse one line, without white space around it, as a single `row` element.

    The line must start with `<row`, and XML allows declarations only before the first element, so no
    entity can be defined: a reference to one other than the five built-in ones breaks the row.

    Returns:
        The attributes, entities and character references decoded once.

    Raises:
        RefusedRowError: the line starts a document type or entity declaration.
        BrokenRowError: not one well-formed `row` element in UTF-8.
    """
    if not _ROW_START.match(line):
        if _DECLARATION.match(line):
            raise RefusedRowError
        raise BrokenRowError("not a <row> element")
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = lambda name, attributes: found.append((name, attributes))
    try:
        parser.Parse(line, True)
    except expat.ExpatError as error:
        raise BrokenRowError(f"not well-formed XML: {expat.ErrorString(error.code)}") from error
    if len(found) != 1:
        raise BrokenRowError("elements inside the <row>")
    return found[0][1]


def read_integer(attributes: dict[str, str], name: str, low: int, high: int) -> int:
    """Return an attribute that must be there, as an integer in [low, high].

    Raises:
        BrokenRowError: missing, not an integer or out of range.
    """
    text = attributes.get(name)
    if text is None:
        raise BrokenRowError(f"no {name}")
    value = int(text) if _INTEGER.fullmatch(text) else None
    if value is None or not low <= value <= high:
        raise BrokenRowError(f"{name} is not an integer from {low} to {high}: {text[:40]!r}")
    return value


def read_id(attributes: dict[str, str], name: str = "Id") -> int:
    """Return an attribute that must be there, as an id in [0, 2**31).

    Raises:
        BrokenRowError: missing, not an integer or out of range.
    """
    return read_integer(attributes, name, 0, MAX_ID)
