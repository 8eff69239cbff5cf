"""Read Pascal VOC: one XML file a photo, as LabelImg and most other tools write it.

Format: Everingham and Winn, The PASCAL VOC2012 Challenge Development Kit, "Annotation". Its pixels count from 1; as
tools disagree about that, values are taken as edges that count from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from triptych.shelf.data.formats.files import parse_xml
from triptych.shelf.data.records import AnnotationError, Box, PhotoRecord, RawObject, to_number, to_size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 50_000_000
"""Larger files are refused; one photo's annotations take some kilobytes."""


def read_voc(folder: Path, file: str) -> PhotoRecord:
    """Read an annotation file; see `parse_voc`.

    Args:
        folder: The raw folder.
        file: The annotation file, relative to it.

    Raises:
        AnnotationError: If the file is no Pascal VOC annotation, or no harmless XML.
    """
    return parse_voc(parse_xml(folder / file, MAX_BYTES), file)


def parse_voc(root: Element, file: str) -> PhotoRecord:
    """Take what an XML document says.

    `filename`, `size` and for each `object` its `name` and `bndbox` are read. An object without a readable box is
    kept with NaN, to be refused with the others.

    Raises:
        AnnotationError: If it is no Pascal VOC annotation.
    """
    if root.tag != "annotation":
        raise AnnotationError(f"no Pascal VOC: its root is <{root.tag}>, not <annotation>")
    size = to_size(root.findtext("size/width"), root.findtext("size/height"))
    objects = [
        RawObject((item.findtext("name") or "").strip(), _read_box(item.find("bndbox")))
        for item in root.findall("object")
    ]
    return PhotoRecord(file, (root.findtext("filename") or "").strip(), size, objects)


def _read_box(bounds: Element | None) -> Box | None:
    if bounds is None:
        return None
    left, top, right, bottom = (to_number(bounds.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    return left, top, right, bottom
