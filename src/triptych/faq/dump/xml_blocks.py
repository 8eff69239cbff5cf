"""A dump file as blocks of whole lines, in order, each small enough to hold in memory.

Around them are an XML declaration and the root element, which are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from triptych.errors import InputError

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 64 << 20
HEAD_BYTES = 64 << 10
"""The root element must start within this much of the file."""

TAIL_BYTES = 4 << 10
"""The closing tag must start within this much of the end of the file."""

_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_DECLARATION = re.compile(rb"\s*(?:<\?xml\s[^<>]*?\?>\s*)?")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)(?:\s[^<>]*?)?(/?)>")


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
            file.seek(start + BLOCK_BYTES)
            rest = file.readline(MAX_LINE_BYTES)
            if len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
                raise _overlong(str(path))
            stop = min(end, file.tell())
            yield FileBlock(path, start, stop)
            advance(stop - start)
            start = stop


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


class Content(NamedTuple):
    """Where the rows start."""

    start: int
    """Offset in bytes of the first byte after the root tag."""

    line: int
    """Number (from 1) of the line which that byte is on."""

    is_empty: bool
    """Whether the root element closes itself (`<posts />`)."""


def refuse_declarations(file: str, line: int) -> InputError:
    """Return the error for a document type or entity declaration, which real dumps never have."""
    return InputError(
        f"{file}, line {line}: a DOCTYPE or ENTITY declaration is refused, because entities can be used to "
        "attack the reader. Stack Exchange dumps have none; download the dump again from its source."
    )


def find_content(head: bytes, root: str, file: str) -> Content:
    """Check the start of a dump file and find where its rows start.

    Args:
        head: the first bytes of the file, at least up to the root tag.
        root: expected root element, "posts" or "postlinks".
        file: how to name the file in errors.

    Raises:
        InputError: empty file, other encoding than UTF-8, document type declaration, or other root.
    """
    if head.startswith(_OTHER_MARKS):
        raise InputError(f"{file}: not UTF-8 (it looks like UTF-16). Convert it to UTF-8.")
    skipped = len(_UTF8_MARK) if head.startswith(_UTF8_MARK) else 0
    if not head[skipped:].strip():
        raise InputError(f"{file}: the file is empty or truncated: no <{root}> in it. Get it again.")
    declaration = _DECLARATION.match(head, skipped)
    start = declaration.end() if declaration else skipped
    encoding = _ENCODING.search(head[skipped:start])
    if encoding and encoding[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise InputError(f"{file}: declared as {encoding[1]!r}. Convert it to UTF-8.")
    while head.startswith(b"<!--", start) and b"-->" in head[start:]:  # a comment harms nobody
        start = head.index(b"-->", start) + 3
        start += len(head[start:]) - len(head[start:].lstrip())
    if head[start : start + 2] == b"<!":
        raise refuse_declarations(file, head.count(b"\n", 0, start) + 1)
    match = _ROOT.match(head, start)
    if match is None or match[1] != root.encode():
        found = f"<{match[1].decode()}>" if match else repr(head[start : start + 40])
        raise InputError(
            f"{file}: wrong schema: expected a Stack Exchange dump with root <{root}>, found {found}. "
            "Check that the right file has this name."
        )
    return Content(match.end(), head.count(b"\n", 0, match.end()) + 1, bool(match[2]))


def strip_closing_tag(tail: bytes, root: str, file: str) -> bytes:
    """Cut the closing root tag and what white space follows it from the end of a dump file.

    Raises:
        InputError: there is none, so the file was cut off.
    """
    closing, stripped = f"</{root}>".encode(), tail.rstrip()
    if not stripped.endswith(closing):
        raise InputError(f"{file}: truncated: it does not end with {closing.decode()}. Copy or download it again.")
    return stripped[: -len(closing)]
