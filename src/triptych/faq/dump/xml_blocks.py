"""A dump file as blocks of whole lines, in order, each small enough to hold in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from triptych.errors import InputError
from triptych.faq.dump.xml_frame import HEAD_BYTES, TAIL_BYTES, find_content, strip_closing_tag

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 64 << 20
_STEP_BYTES = 1 << 20


@dataclass(frozen=True)
class FileBlock:
    """A byte range of a plain file: cheap to send to another process, which reads it there."""

    path: Path
    start: int
    end: int

    def read(self) -> bytes:
        """Read the range from disk."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.end - self.start)


@dataclass(frozen=True)
class MemoryBlock:
    """Lines that had to be decompressed already."""

    data: bytes

    def read(self) -> bytes:
        """Return the lines."""
        return self.data


Block = FileBlock | MemoryBlock


class Blocks(NamedTuple):
    """The lines between a file's root tags."""

    first_line: int
    """Number of the first block's first line in the file."""

    blocks: Iterator[Block]


def _overlong(file: str) -> InputError:
    return InputError(
        f"{file}: a line longer than {MAX_LINE_BYTES >> 20} MiB. A dump has one row a line: this file is "
        "damaged or of another kind."
    )


def cut_file(path: Path, root: str, advance: Callable[[int], object]) -> Blocks:
    """Cut a plain file into byte ranges that end at line ends.

    Args:
        path: the file.
        root: its root element's name.
        advance: is told the bytes that were handed out.

    Raises:
        InputError: from the check of the first and last lines.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        content = find_content(file.read(HEAD_BYTES), root, str(path))
        tail_start = max(content.start, size - TAIL_BYTES)
        file.seek(tail_start)
        tail = file.read() if content.is_empty else strip_closing_tag(file.read(), root, str(path))
    end = content.start if content.is_empty else tail_start + len(tail)
    return Blocks(content.line, _ranges(path, content.start, end, advance))


def _ranges(path: Path, start: int, end: int, advance: Callable[[int], object]) -> Iterator[Block]:
    with path.open("rb") as file:
        while start < end:
            stop = min(end, _line_end(file, start + BLOCK_BYTES, str(path)))
            yield FileBlock(path, start, stop)
            advance(stop - start)
            start = stop


def _line_end(file: BinaryIO, position: int, name: str) -> int:
    """Return the offset after the first line end at or after a position (or past the file's end)."""
    file.seek(position)
    for offset in range(position, position + MAX_LINE_BYTES, _STEP_BYTES):
        step = file.read(_STEP_BYTES)
        found = step.find(b"\n")
        if found >= 0:
            return offset + found + 1
        if len(step) < _STEP_BYTES:
            return offset + len(step)
    raise _overlong(name)


def cut_stream(chunks: Iterator[bytes], root: str, file: str) -> Blocks:
    """Cut a decompressed stream into blocks of whole lines.

    Args:
        chunks: the stream in pieces of any size.
        root: the root element's name.
        file: how to name the stream in errors.

    Raises:
        InputError: from the check of the first lines here, of the last line while iterating.
    """
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    content = find_content(bytes(head[:HEAD_BYTES]), root, file)
    del head[: content.start]
    if content.is_empty:
        return Blocks(content.line, iter(()))
    return Blocks(content.line, _whole_lines(head, chunks, root, file))


def _whole_lines(buffer: bytearray, chunks: Iterator[bytes], root: str, file: str) -> Iterator[Block]:
    for chunk in chunks:
        buffer += chunk
        if len(buffer) < BLOCK_BYTES:
            continue
        cut = buffer.rfind(b"\n", 0, len(buffer) - TAIL_BYTES) + 1  # the closing tag stays in the buffer
        if cut:
            yield MemoryBlock(bytes(buffer[:cut]))
            del buffer[:cut]
        elif len(buffer) > MAX_LINE_BYTES:
            raise _overlong(file)
    yield MemoryBlock(strip_closing_tag(bytes(buffer), root, file))
