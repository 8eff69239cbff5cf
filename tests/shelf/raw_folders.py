"""Raw folders as users bring them: photos, Pascal VOC, COCO."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

SIZE = (40, 30)


def draw(size: tuple[int, int] = SIZE, seed: int = 0) -> NDArray[np.uint8]:
    """Draw a smooth random picture, which JPEG keeps nearly as it is; four seeds look nothing alike."""
    corners = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.array(Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC))


def write_photo(path: Path, size: tuple[int, int] = SIZE, seed: int = 0, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(draw(size, seed)).save(path, exif=exif, quality=95)
    return path


def write_voc(
    path: Path, boxes: Iterable[Sequence[object]], name: str = "", size: Sequence[object] | None = SIZE
) -> Path:
    """Write an XML file; a box is left, top, right, bottom and perhaps a category."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["<annotation>", f"<filename>{escape(name or path.stem + '.jpg')}</filename>"]
    if size is not None:
        lines.append(f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>")
    for left, top, right, bottom, *category in boxes:
        lines.append(f"<object><name>{escape(str(category[0])) if category else 'gap'}</name>")
        bounds = f"<xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>"
        lines.append(f"<bndbox>{bounds}</bndbox></object>")
    path.write_text("".join([*lines, "</annotation>"]), encoding="utf-8")
    return path


def coco(photos: dict[str, list[dict[str, Any]]], size: tuple[int, int] = SIZE) -> dict[str, Any]:
    """Make COCO's format; an object needs a bbox or a segmentation, and may have any other key."""
    images = [
        {"id": number, "file_name": name, "width": size[0], "height": size[1]}
        for number, name in enumerate(photos, start=1)
    ]
    objects = [(number, item) for number, items in enumerate(photos.values(), start=1) for item in items]
    annotations = [
        {"id": number, "image_id": image, "category_id": 7, "iscrowd": 0, **item}
        for number, (image, item) in enumerate(objects, start=1)
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "gap"}]}


def write_coco(path: Path, photos: dict[str, list[dict[str, Any]]], size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco(photos, size)), encoding="utf-8")
    return path


def to_coco_box(box: Sequence[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]
