"""The first attributes of all `<row .../>` lines of a block at once, read from the bytes with numpy.

Reading line by line in Python takes longer than a disk needs to deliver a dump; this does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]

MAX_TYPE = 99
"""The largest PostTypeId or LinkTypeId taken for one (the real ones are below 20)."""

_MAX_LINES = 1 << 16
_MAX_DIGITS = 9
_MAX_INDENT = 4


class RowStarts(NamedTuple):
    """One entry a line, in order."""

    start: Integers
    """Offset of the line's first byte."""

    end: Integers
    """Offset after its last byte, the line feed left out."""

    is_usual: Flags
    """Whether the line is `<row Id="N" PostTypeId="T" ... />`, with no other `<` and in UTF-8. The numbers
    below mean something only then."""

    post_id: Integers
    kind: Integers
    """PostTypeId."""

    parent: Integers
    """ParentId where that is the third attribute, else -1."""


def read_row_starts(data: bytes) -> Iterator[RowStarts]:
    """Find the lines of a block and read how each one starts.

    Args:
        data: whole lines; the last may lack its line feed.

    Yields:
        Lines in order, a limited number at a time, so that a block of nothing but line feeds needs little
        memory too.
    """
    octets, is_utf8 = np.frombuffer(data, dtype=np.uint8), _is_utf8(data)
    position = 0
    while position < len(data):
        start, end, opening = _find_lines(data, position)
        position = int(end[-1]) + 1
        is_usual = _starts_row(octets, start, opening) & _ends_row(octets, end) & is_utf8
        cursor = _Cursor(octets, opening)
        post_id = cursor.read_number(b'<row Id="')
        kind = cursor.read_number(b' PostTypeId="')
        is_usual &= cursor.matches & (kind >= 1) & (kind <= MAX_TYPE)
        parent = cursor.read_number(b' ParentId="')
        parent[~cursor.matches] = -1
        yield RowStarts(start, end, is_usual, post_id, kind, parent)


def _find_lines(data: bytes, start: int) -> tuple[Integers, Integers, Integers]:
    """Return each line's start, end, and where its only `<` is (its end, where there is none or another).

    `bytes.find` scans faster than numpy compares.
    """
    find, size, first = data.find, len(data), start
    ends: list[int] = []
    openings: list[int] = []
    for _ in range(_MAX_LINES):
        end = find(b"\n", start)
        if end < 0:
            end = size
        opening = find(b"<", start, end)
        openings.append(opening if opening >= 0 and find(b"<", opening + 1, end) < 0 else end)
        ends.append(end)
        start = end + 1
        if start >= size:
            break
    end_array = np.array(ends, dtype=np.int64)
    return np.concatenate([[first], end_array[:-1] + 1]), end_array, np.array(openings, dtype=np.int64)


def _starts_row(octets: Octets, start: Integers, opening: Integers) -> Flags:
    """Tell which lines have nothing but a few spaces before their `<`."""
    indent = opening - start
    is_clear: Flags = indent <= _MAX_INDENT
    for step in range(1, _MAX_INDENT + 1):
        is_clear &= (step > indent) | (octets.take(opening - step, mode="clip") == ord(" "))
    return is_clear


def _ends_row(octets: Octets, end: Integers) -> Flags:
    """Tell which lines end in `/>`, perhaps with a carriage return after it."""
    end = end - (octets.take(end - 1, mode="clip") == ord("\r"))
    is_closed: Flags = octets.take(end - 1, mode="clip") == ord(">")
    is_closed &= octets.take(end - 2, mode="clip") == ord("/")
    return is_closed


def _is_utf8(data: bytes) -> bool:
    """Check a whole block at once: Arrow does this at many gigabytes a second."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class _Cursor:
    """A position in each line, moved over expected text and numbers."""

    def __init__(self, octets: Octets, position: Integers) -> None:
        self._octets, self._position = octets, position
        self.matches: Flags = np.ones(len(position), dtype=bool)
        """Lines that have had all that was expected so far."""

    def read_number(self, before: bytes) -> Integers:
        """Move over a text, 1 to 9 digits and a double quote; return the numbers."""
        expected = np.frombuffer(before, dtype=np.uint8)
        self.matches &= (self._next_octets(len(before)) == expected).all(axis=1)
        self._position = self._position + len(before)
        octets = self._next_octets(_MAX_DIGITS + 1)
        digits = octets - ord("0")  # what is below "0" wraps around
        is_number = np.logical_and.accumulate(digits <= 9, axis=1)
        length = is_number.sum(axis=1)
        after = np.minimum(length, _MAX_DIGITS)
        value = np.zeros(len(digits), dtype=np.int64)
        for column in range(int(after.max(initial=0, where=self.matches))):
            value = np.where(is_number[:, column], value * 10 + digits[:, column], value)
        self.matches &= (length > 0) & (octets[np.arange(len(octets)), after] == ord('"'))
        self._position = self._position + after + 1
        return value

    def _next_octets(self, count: int) -> Octets:
        """Return the next bytes of every line, shape (lines, count).

        A line too close to the block's end gets other bytes and no longer matches.
        """
        last = len(self._octets) - count
        self.matches &= self._position <= last
        if last < 0:
            return np.zeros((len(self._position), count), dtype=np.uint8)
        return sliding_window_view(self._octets, count)[np.minimum(self._position, last)]
