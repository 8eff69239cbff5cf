"""What looks wrong on annotated photos: odd boxes, the same thing twice, the same photo in two roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from triptych.shelf.data.splitting import group_near_duplicates
from triptych.shelf.model.preprocessing import scale_box
from triptych.shelf.params import CheckParams, DetectorParams

MEANINGS = {
    "same_photo_in_splits": "nearly the same photo is in two splits: figures on one of them would be too good",
    "labels_differ": "nearly the same photo has another number of objects: one of the two may be incomplete",
    "duplicate_boxes": "two boxes of a category lie on each other: one object may be annotated twice",
    "huge_box": "a box covers most of its photo",
    "odd_shape": "a box is many times longer than broad",
    "tiny_box": "a box is only some pixels broad when the detector sees it",
    "no_objects": "a photo has no object: right, if somebody has looked",
}
"""Kinds of findings, the worst first, and what each means."""

_SAME_BITS = 2  # of 64, in which the hashes of the same photo in two files differ at most

Image = dict[str, Any]
Object = dict[str, Any]


class Finding(NamedTuple):
    """Something that looks wrong.

    Attributes:
        image: Id of the photo.
        kind: One of `MEANINGS`.
        detail: What it is, in a sentence.
        objects: Ids of the annotations that it is about.
    """

    image: int
    kind: str
    detail: str
    objects: tuple[int, ...] = ()


def find_suspicious(
    annotations: dict[str, Any],
    hashes: NDArray[np.bool_],
    roles: dict[int, str],
    groups: Sequence[Sequence[int]],
    detector: DetectorParams,
    check: CheckParams,
) -> list[Finding]:
    """List what looks wrong.

    Args:
        annotations: In COCO's format; `split` of an image is the role that its user gave it.
        hashes: Difference hash of each photo, shape (n, 64).
        roles: Role of each photo by its id.
        groups: Indices of photos that are near duplicates of each other, from `list_groups`.
        detector: Decides how large objects are seen.
        check: What is suspicious.

    Returns:
        The worst kinds first.
    """
    objects: dict[int, list[Object]] = defaultdict(list)
    for item in annotations["annotations"]:
        if not item.get("iscrowd", 0):
            objects[item["image_id"]].append(item)
    images = annotations["images"]
    found = list(_find_leaks(images, groups, roles))
    found += _find_contradictions(images, objects, hashes)
    for image in images:
        found += _find_odd_boxes(image, objects[image["id"]], detector, check)
        found += _find_duplicates(image, objects[image["id"]], check)
        if not objects[image["id"]]:
            found.append(Finding(image["id"], "no_objects", "no object"))
    order = {kind: number for number, kind in enumerate(MEANINGS)}
    return sorted(found, key=lambda finding: (order[finding.kind], finding.image))


def list_groups(hashes: NDArray[np.bool_], distance: int) -> list[list[int]]:
    """List the groups of several photos that are linked by near hashes, as indices."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(group_near_duplicates(hashes, distance).tolist()):
        members[group].append(index)
    return [group for group in members.values() if len(group) > 1]


def _find_leaks(images: Sequence[Image], groups: Sequence[Sequence[int]], roles: dict[int, str]) -> Iterator[Finding]:
    for group in groups:
        members = [images[index] for index in group]
        given, drawn = [image.get("split", "") for image in members], [roles[image["id"]] for image in members]
        for place, names in (("split", given), ("role", drawn)):
            for image, name in zip(members, names, strict=True):
                twin = next((index for index, other in enumerate(names) if name and other not in ("", name)), None)
                if twin is not None:
                    detail = f"{place} {name}, and looks like {_name(members[twin])} of {names[twin]}"
                    yield Finding(image["id"], "same_photo_in_splits", detail)


def _find_contradictions(
    images: Sequence[Image], objects: dict[int, list[Object]], hashes: NDArray[np.bool_]
) -> Iterator[Finding]:
    for group in list_groups(hashes, _SAME_BITS):
        counts = {index: len(objects[images[index]["id"]]) for index in group}
        most = max(counts.values())
        fullest = next(images[index] for index in group if counts[index] == most)
        for index in group:
            if counts[index] < most:
                detail = f"{counts[index]} objects, and {most} on {_name(fullest)}, which looks the same"
                yield Finding(images[index]["id"], "labels_differ", detail)


def _find_odd_boxes(
    image: Image, objects: Sequence[Object], detector: DetectorParams, check: CheckParams
) -> Iterator[Finding]:
    for item in objects:
        _, _, wide, high = item["bbox"]
        seen = min(scale_box(item["bbox"], image, detector))
        share = wide * high / (image["width"] * image["height"])
        ratio = max(wide, high) / min(wide, high)
        size = f"box of {wide:.0f} x {high:.0f} pixels"
        if seen < check.tiny_px:
            yield Finding(image["id"], "tiny_box", f"{size}, {seen:.1f} when the detector sees it", (item["id"],))
        if share > check.huge_share:
            yield Finding(image["id"], "huge_box", f"{size}, {share:.0%} of the photo", (item["id"],))
        if ratio > check.largest_ratio:
            yield Finding(image["id"], "odd_shape", f"{size}, {ratio:.0f} times longer than broad", (item["id"],))


def _find_duplicates(image: Image, objects: Sequence[Object], check: CheckParams) -> Iterator[Finding]:
    if len(objects) < 2:
        return
    boxes = np.array([item["bbox"] for item in objects], np.float64)
    overlaps = np.triu(coco_mask.iou(boxes, boxes, np.zeros(len(boxes), np.uint8)), 1)
    for one, other in np.argwhere(overlaps >= check.duplicate_iou).tolist():
        if objects[one]["category_id"] == objects[other]["category_id"]:
            detail = f"two boxes overlap by {overlaps[one, other]:.2f} (IoU)"
            yield Finding(image["id"], "duplicate_boxes", detail, (objects[one]["id"], objects[other]["id"]))


def _name(image: Image) -> str:
    return str(image.get("source") or image["file_name"])
