"""Tab-separated files without a header, quoted as pandas does it, read record by record."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from triptych.errors import InputError
from triptych.faq.dump.compressed_streams import gzip_chunks
from triptych.faq.dump.report import BrokenRows
from triptych.faq.dump.xml_blocks import MAX_LINE_BYTES

_CHUNK_BYTES = 1 << 20
_MAX_RECORD_LINES = 2000
_MAX_RECORD_CHARACTERS = 4 << 20


class Record(NamedTuple):
    """One row of a TSV file."""

    line: int
    """Number (from 1) of the line it starts on."""

    fields: dict[str, str]
    """Its values by column."""


class _Line(NamedTuple):
    number: int
    text: str


def read_records(path: Path, columns: tuple[str, ...], broken: BrokenRows) -> Generator[Record, None, None]:
    """Read a TSV file (gzipped where its name ends in .gz).

    A record that cannot be read is counted, and reading goes on with the line after the one it starts on, so
    a quote that is never closed loses one row and not the rest of the file.

    Args:
        path: the file.
        columns: the names of its columns, which the file itself does not give.
        broken: counts what cannot be read.

    Raises:
        InputError: not UTF-8, truncated, not tab-separated, or with a header row.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    with closing(_read_lines(path)) as numbered:
        lines = _Lines(numbered)
        while first := lines.peek():
            if first.number == 1:
                _check_first(first.text, columns, path)
            fields = _take_record(lines) if '"' in first.text else _take_unquoted(lines)
            if isinstance(fields, str):
                broken.add(str(path), first.number, fields)
            elif len(fields) == len(columns):
                yield Record(first.number, dict(zip(columns, fields, strict=True)))
            elif fields:  # a blank line is no record
                broken.add(str(path), first.number, f"{len(fields)} columns instead of {len(columns)}")


class _Lines(Iterator[_Line]):
    """Lines that can be put back."""

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._lines = lines
        self._returned: deque[_Line] = deque()

    def __next__(self) -> _Line:
        return self._returned.popleft() if self._returned else next(self._lines)

    def put_back(self, lines: list[_Line]) -> None:
        """Make these the next lines again."""
        self._returned.extendleft(reversed(lines))

    def peek(self) -> _Line | None:
        """Return the next line without taking it; None at the end."""
        line = next(self, None)
        self.put_back([line] if line else [])
        return line


def _take_unquoted(lines: _Lines) -> list[str]:
    text = next(lines).text.rstrip("\r\n")  # a carriage return elsewhere is text
    return text.split("\t") if text else []


def _take_record(lines: _Lines) -> list[str] | str:
    """Take one record's lines and return its fields; or take one line and return what is wrong."""
    taken: list[_Line] = []
    try:
        return next(csv.reader(_feed(lines, taken), delimiter="\t", strict=True), [])
    except csv.Error as error:
        lines.put_back(taken[1:])
        return f"bad quoting: {error}"


def _feed(lines: _Lines, taken: list[_Line]) -> Iterator[str]:
    """Give the csv reader lines while it asks for more, up to what one record may have."""
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line.text)
        yield line.text
        if len(taken) >= _MAX_RECORD_LINES or size >= _MAX_RECORD_CHARACTERS:
            return


def _check_first(text: str, columns: tuple[str, ...], path: Path) -> None:
    expected = f"{len(columns)} tab-separated columns ({', '.join(columns)}) without a header row"
    if "\t" not in text:
        raise InputError(f"{path}: wrong schema: the first line has no tab. Expected {expected}.")
    if text.split("\t")[0].strip().strip('"').lower() == columns[0].lower():
        raise InputError(f"{path}: wrong schema: it has a header row. Remove it; expected {expected}.")


def _read_lines(path: Path) -> Generator[_Line, None, None]:
    with (
        tqdm(total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, delay=2, disable=None) as bar,
        closing(gzip_chunks(path, bar.update) if path.suffix == ".gz" else _plain_chunks(path)) as chunks,
    ):
        for number, line in enumerate(_split_lines(chunks, path), 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{path}, line {number}: not UTF-8 ({error.reason}). Convert the file to UTF-8, "
                    "for example with iconv."
                ) from error
            yield _Line(number, text)


def _plain_chunks(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _split_lines(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
        if len(rest) > MAX_LINE_BYTES:
            raise InputError(f"{path}: a line longer than {MAX_LINE_BYTES >> 20} MiB: damaged, or of another kind.")
    if rest:
        yield rest
