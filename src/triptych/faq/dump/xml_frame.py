"""What surrounds the rows of a dump file: XML declaration, root element, closing tag."""

from __future__ import annotations

import re
from typing import NamedTuple

from triptych.errors import InputError

HEAD_BYTES = 64 << 10
"""The root element must start within this much of the file."""

TAIL_BYTES = 4 << 10
"""The closing tag must start within this much of the end of the file."""

_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_DECLARATION = re.compile(rb"\s*(?:<\?xml\s[^<>]*?\?>\s*)?")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)(?:\s[^<>]*?)?(/?)>")


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
