"""Count objects and detections photo by photo, at one score threshold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


class Match(NamedTuple):
    """What became of the detections and objects of one photo.

    Attributes:
        found: For each detection, the index of the object it found; -1 where it found none.
        ignored: For each detection, whether it counts neither way: it found none but lies in a crowd.
        missed: For each object, whether it counts and no detection found it; crowds do not count.
    """

    found: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    missed: NDArray[np.bool_]


def match_photo(objects: list[dict[str, Any]], detections: list[dict[str, Any]], iou: float) -> Match:
    """Let each detection, best score first, take the free object of its category that it overlaps most.

    That is COCO's rule: what a detection takes does not depend on those with lower scores, so one matching holds
    for every score threshold.

    Args:
        objects: Annotations of a photo, in COCO's format.
        detections: Its detections, in COCO's results format, in any order.
        iou: Least overlap of the boxes, in (0, 1].
    """
    found = np.full(len(detections), -1, np.int64)
    ignored = np.zeros(len(detections), bool)
    crowd = np.array([bool(item.get("iscrowd", 0)) for item in objects], bool)
    overlap = _overlap(objects, detections, crowd)
    free = ~crowd
    for index in sorted(range(len(detections)), key=lambda index: rank_detection(detections[index])):
        best = np.where(free, overlap[index], -1.0)
        if best.size and best.max() >= iou:
            found[index] = best.argmax()
            free[found[index]] = False
        else:
            ignored[index] = bool((overlap[index][crowd] >= iou).any())
    return Match(found, ignored, free)


def rank_detection(detection: Mapping[str, Any]) -> tuple[Any, ...]:
    """Order detections by falling score; ties by what they are, so that the order of a list never counts."""
    return -detection["score"], detection["image_id"], detection["category_id"], tuple(detection["bbox"])


def group_by_photo(items: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Group annotations or detections by `image_id`; a photo without any has an empty list when asked for."""
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        groups[item["image_id"]].append(item)
    return groups


def _overlap(
    objects: list[dict[str, Any]], detections: list[dict[str, Any]], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compute IoU, for crowds the share of the detection within; -1 between categories. Detections x objects."""
    if not objects or not detections:
        return np.zeros((len(detections), len(objects)))
    boxes = [np.array([item["bbox"] for item in items], np.float64) for items in (detections, objects)]
    overlap = np.asarray(coco_mask.iou(boxes[0], boxes[1], crowd.astype(np.uint8)))
    kinds = [np.array([item["category_id"] for item in items]) for items in (detections, objects)]
    same: NDArray[np.bool_] = kinds[0][:, None] == kinds[1]
    return np.where(same, overlap, -1.0)


def believe(results: list[dict[str, Any]], score_threshold: float) -> list[dict[str, Any]]:
    """Keep the detections with at least that score."""
    return [item for item in results if item["score"] >= score_threshold]


def count_photos(
    truth: dict[str, Any], results: list[dict[str, Any]], score_threshold: float, iou: float
) -> pd.DataFrame:
    """Count what is on each photo and what was found there.

    Args:
        truth: The photos judged, with all of their objects, in COCO's instances format.
        results: What was found on them, in COCO's results format.
        score_threshold: Detections with a lower score do not count.
        iou: Least overlap of the boxes of a detection and the object it finds.

    Returns:
        A row a photo: `image_id`, `file_name`, `objects`, `detections`, `found` (detections that found an object),
        `false` (those that found none), `missed` (objects not found), `error` (detections minus objects). Crowds,
        and detections in them, do not count.
    """
    objects = group_by_photo(truth["annotations"])
    believed = group_by_photo(believe(results, score_threshold))
    rows = []
    for image in truth["images"]:
        match = match_photo(objects[image["id"]], believed[image["id"]], iou)
        found, missed = int((match.found >= 0).sum()), int(match.missed.sum())
        false = len(match.found) - found - int(match.ignored.sum())
        rows.append((image["id"], image["file_name"], found + missed, found + false, found, false, missed))
    names = ["image_id", "file_name", "objects", "detections", "found", "false", "missed"]
    counts = pd.DataFrame(rows, columns=names).astype({name: np.int64 for name in names if name != "file_name"})
    return counts.assign(error=counts["detections"] - counts["objects"])


def summarize_counts(counts: pd.DataFrame) -> dict[str, float]:
    """Sum the photos up.

    Args:
        counts: As `count_photos` gives them.

    Returns:
        `count_error` (mean absolute error of the count a photo), `f1`, `precision`, `recall` (0.0 where there is
        nothing to divide by), `photos`, `objects`.
    """
    found = int(counts["found"].sum())
    detections, objects = int(counts["detections"].sum()), int(counts["objects"].sum())
    return {
        "count_error": float(counts["error"].abs().mean()) if len(counts) else 0.0,
        "f1": _share(2 * found, detections + objects),
        "precision": _share(found, detections),
        "recall": _share(found, objects),
        "photos": len(counts),
        "objects": objects,
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
