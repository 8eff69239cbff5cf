"""One `<row ... />` line as attributes, parsed where no entity can be declared."""

from __future__ import annotations

import re
from xml.parsers import expat

MAX_ID = 2**31 - 1
"""Ids are 32-bit integers in Stack Exchange's database."""

_ROW_START = re.compile(rb"<row[\s/>]")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]{1,10}")


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
