"""Read Pascal VOC annotations: one XML file a photo.

Format: M. Everingham and J. Winn, "The PASCAL Visual Object Classes Challenge 2012 Development Kit", section 4.
There xmin ... ymax count pixels from 1 and include the last; tools write 0-based and fractional values as well. They
are taken as they stand, as continuous coordinates, which is at most a pixel off.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 50_000_000
"""Larger files are refused; one photo's annotations take some kilobytes."""


def read_voc(folder: Path, file: str) -> PhotoRecord:
    """Read an annotation file.

    `filename`, `size` and for each `object` its `name` and `bndbox` are read. An object without a readable box is
    kept with NaN, to be refused with the others.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.

    Raises:
        AnnotationError: If the file is no Pascal VOC annotation, or no harmless XML: entities and document types,
            with which a file can name other files or grow without bound, are refused.
    """
    root = _parse(folder / file)
    if root.tag != "annotation":
        raise AnnotationError(f"no Pascal VOC: its root is <{root.tag}>, not <annotation>")
    size = to_size(root.findtext("size/width"), root.findtext("size/height"))
    objects = [
        RawObject((item.findtext("name") or "").strip(), _read_box(item.find("bndbox")))
        for item in root.findall("object")
    ]
    return PhotoRecord(file, (root.findtext("filename") or "").strip(), size, objects)


def _parse(path: Path) -> Element:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AnnotationError(f"larger than {MAX_BYTES} bytes")
        root: Element | None = ElementTree.parse(path, forbid_dtd=True).getroot()
    # Damaged XML is a SyntaxError, forbidden XML a ValueError, an unknown encoding a LookupError.
    except (SyntaxError, ValueError, LookupError, OSError, MemoryError, RecursionError) as error:
        raise AnnotationError(f"unreadable XML: {error or type(error).__name__}") from error
    if root is None:
        raise AnnotationError("unreadable XML: it has no root")
    return root


def _read_box(bounds: Element | None) -> Box | None:
    if bounds is None:
        return None
    left, top, right, bottom = (to_number(bounds.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    return left, top, right, bottom
