"""Write annotations as Pascal VOC and as COCO."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from triptych.samples.masks import Instance

CATEGORY = "empty_shelf"


def write_voc(folder: Path, photo: str, shape: Sequence[int], gaps: Sequence[Instance]) -> None:
    """Write one photo's annotations as Pascal VOC: edges of boxes in pixels from 0, as most tools do.

    Args:
        folder: Where to.
        photo: File name of the photo.
        shape: Its height, width and channels.
        gaps: What it shows.
    """
    root = ET.Element("annotation")
    _add(root, folder="JPEGImages", filename=photo)
    _add(ET.SubElement(root, "size"), width=shape[1], height=shape[0], depth=shape[2])
    _add(root, segmented=0)
    for gap in gaps:
        left, top, right, bottom = gap.box
        item = ET.SubElement(root, "object")
        _add(item, name=CATEGORY, pose="Unspecified", truncated=0, difficult=0)
        _add(ET.SubElement(item, "bndbox"), xmin=left, ymin=top, xmax=right, ymax=bottom)
    ET.indent(root)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{Path(photo).stem}.xml"
    path.write_text(ET.tostring(root, encoding="unicode") + "\n", encoding="utf-8")


def describe_gap(gap: Instance) -> dict[str, Any]:
    """Describe a gap as a COCO annotation, without ids."""
    left, top, right, bottom = gap.box
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": int(gap.mask.sum()),
        "iscrowd": 0,
        "segmentation": [gap.polygon],
    }


def write_coco(path: Path, photos: Sequence[tuple[str, int, int, Sequence[dict[str, Any]]]]) -> None:
    """Write all annotations as COCO instances with polygons.

    Args:
        path: The file.
        photos: File name, width, height and described gaps of each photo.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (name, width, height, gaps) in enumerate(photos, start=1):
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for gap in gaps:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, "category_id": 1, **gap})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": CATEGORY}]}
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _add(parent: ET.Element, **values: object) -> None:
    for name, value in values.items():
        ET.SubElement(parent, name).text = str(value)
