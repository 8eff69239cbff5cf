"""Count objects and detections photo by photo, at one score threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from triptych.pipelines.shelf.matching import group_by_photo, match_photo


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
