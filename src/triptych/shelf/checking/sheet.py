"""A sheet of suspicious photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from triptych.shelf.checking.findings import Finding
from triptych.shelf.data.dataset import read_ingested
from triptych.shelf.evaluation.overlays import LABELLED, SUSPICIOUS, Mark, Picture, arrange, draw_overlay

_TILE_PX = 640


def draw_sheet(photos: Path, annotations: dict[str, Any], found: Sequence[Finding], most: int) -> Picture:
    """Draw suspicious photos, some of each kind.

    Args:
        photos: The ingested photos.
        annotations: In COCO's format.
        found: What looks wrong, the worst kinds first.
        most: Most photos on the sheet.

    Returns:
        RGB; one white pixel where nothing looks wrong.
    """
    images = {image["id"]: image for image in annotations["images"]}
    objects: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in annotations["annotations"]:
        objects[item["image_id"]].append(item)
    tiles = []
    for number in choose_photos(found, most):
        about = [finding for finding in found if finding.image == number]
        doubted = {item for finding in about for item in finding.objects}
        marks = [Mark(LABELLED, item, "") for item in objects[number] if item["id"] not in doubted]
        marks += [Mark(SUSPICIOUS, item, "") for item in objects[number] if item["id"] in doubted]
        kinds = ", ".join(dict.fromkeys(finding.kind for finding in about))
        title = f"{kinds} - {images[number]['file_name']}"
        photo = read_ingested(photos, images[number])
        tiles.append(draw_overlay(photo, marks, title, _TILE_PX, (LABELLED, SUSPICIOUS)))
    return arrange(tiles)


def choose_photos(found: Iterable[Finding], most: int) -> list[int]:
    """Choose photos of each kind in turn, the worst kinds first, each photo once."""
    by_kind: dict[str, dict[int, None]] = defaultdict(dict)
    for finding in found:
        by_kind[finding.kind][finding.image] = None
    rounds = zip_longest(*by_kind.values())
    chosen = dict.fromkeys(image for turn in rounds for image in turn if image is not None)
    return list(chosen)[:most]
