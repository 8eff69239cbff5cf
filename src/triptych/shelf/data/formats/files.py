"""Annotation files as text, JSON and XML: whatever is wrong with one is an `AnnotationError`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defusedxml import ElementTree

from triptych.shelf.data.quarantine import printable
from triptych.shelf.data.records import AnnotationError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read_text(path: Path, max_bytes: int) -> str:
    """Read text: UTF-8 with or without a byte order mark, or UTF-16 with one.

    Raises:
        AnnotationError: If it is larger than `max_bytes`, cannot be opened, or is no such text.
    """
    try:
        content = _read_bytes(path, max_bytes)
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"no UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except (OSError, MemoryError) as error:
        raise AnnotationError(f"unreadable text: {printable(error) or type(error).__name__}") from error


def parse_json(path: Path, max_bytes: int) -> Any:
    """Parse a JSON file in UTF-8, 16 or 32, with or without a byte order mark.

    Raises:
        AnnotationError: If it is larger than `max_bytes`, cannot be opened, or is no JSON.
    """
    try:
        return json.loads(_read_bytes(path, max_bytes))
    except AnnotationError:
        raise
    except (ValueError, OSError, MemoryError, RecursionError) as error:
        raise AnnotationError(f"unreadable JSON: {printable(error) or type(error).__name__}") from error


def parse_xml(path: Path, max_bytes: int) -> Element:
    """Parse an XML file.

    Raises:
        AnnotationError: If it is larger than `max_bytes`, cannot be opened, or is no harmless XML: entities and
            document types, with which a file can name other files or grow without bound, are refused.
    """
    try:
        _check_size(path, max_bytes)
        root: Element | None = ElementTree.parse(path, forbid_dtd=True).getroot()
    except AnnotationError:
        raise
    # Damaged XML is a SyntaxError, forbidden XML a ValueError, an unknown encoding a LookupError.
    except (SyntaxError, ValueError, LookupError, OSError, MemoryError, RecursionError) as error:
        raise AnnotationError(f"unreadable XML: {error or type(error).__name__}") from error
    if root is None:
        raise AnnotationError("unreadable XML: it has no root")
    return root


def refuse_shares(shapes: Iterable[Sequence[float]], title: str) -> None:
    """Refuse coordinates that are shares of the photo's size where the format has pixels.

    No object is in the upper left pixel of its photo, let alone all of them.

    Args:
        shapes: Edges of boxes and coordinates of polygons.
        title: The format's name.

    Raises:
        AnnotationError: If all values are between 0 and 1.
    """
    shapes = list(shapes)
    if shapes and all(all(0 <= value <= 1 for value in shape) for shape in shapes):
        raise AnnotationError(
            "all coordinates are between 0 and 1, shares of the photo's width and height, and "
            f"{title}'s are in pixels: multiply x and width by the width of each photo, y and height by its height, "
            "or export in pixels"
        )


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    _check_size(path, max_bytes)
    return path.read_bytes()


def _check_size(path: Path, max_bytes: int) -> None:
    if path.stat().st_size > max_bytes:
        raise AnnotationError(f"larger than {max_bytes} bytes")
