"""How far what two runtimes find on the same photos is apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Detections = Sequence[dict[str, Any]]
_SAME_OBJECT = 0.5  # overlap (IoU) from which on two detections may be of one object


@dataclass(frozen=True)
class Agreement:
    """The largest differences of two lists of detections, each matched to the other's nearest.

    Attributes:
        detections: How many were compared.
        unmatched: How many of them have no counterpart, though their score is above the least by more than scores may
            differ.
        score: Difference of scores.
        box_px: Difference of a box's edges, in pixels.
        mask: 1 less the overlap (IoU) of masks; 0 where there are none.
    """

    detections: int
    unmatched: int
    score: float
    box_px: float
    mask: float

    def describe(self) -> dict[str, float]:
        """Give the figures by name."""
        return asdict(self)


def compare_detections(
    ours: Sequence[Detections], theirs: Sequence[Detections], least_score: float, score_tolerance: float
) -> Agreement:
    """Compare what was found on the same photos, both ways.

    Args:
        ours: Detections of each photo, in COCO's results format.
        theirs: The same of another runtime.
        least_score: Detections with a lower score are not compared, but may be counterparts.
        score_tolerance: One so close to the least may be missing on the other side.
    """
    compared = [
        (item, _find_nearest(item, other))
        for one, two in zip(ours, theirs, strict=True)
        for side, other in ((one, two), (two, one))
        for item in side
        if item["score"] >= least_score
    ]
    found = [nearest for _, nearest in compared if nearest is not None]
    lost = sum(nearest is None and item["score"] >= least_score + score_tolerance for item, nearest in compared)
    worst = np.max(found, axis=0).tolist() if found else [0.0, 0.0, 0.0]
    return Agreement(len(compared), lost, *worst)


def _find_nearest(item: dict[str, Any], others: Detections) -> tuple[float, float, float] | None:
    """Give the differences to the counterpart, of those of one category with the same object the best in score."""
    alike = [other for other in others if other["category_id"] == item["category_id"]]
    if not alike:
        return None
    boxes = np.array([other["bbox"] for other in alike], float)
    overlaps = coco_mask.iou(np.array([item["bbox"]], float), boxes, [0] * len(alike))[0]
    nearest = int(np.argmax(overlaps))
    if overlaps[nearest] < _SAME_OBJECT:
        return None
    other = alike[nearest]
    edges = np.abs(_to_edges(item["bbox"]) - _to_edges(other["bbox"]))
    return abs(item["score"] - other["score"]), float(edges.max()), _compare_masks(item, other)


def _to_edges(box: Sequence[float]) -> Any:
    left, top, width, height = box
    return np.array([left, top, left + width, top + height])


def _compare_masks(item: dict[str, Any], other: dict[str, Any]) -> float:
    if "segmentation" not in item or "segmentation" not in other:
        return 0.0 if ("segmentation" in item) == ("segmentation" in other) else 1.0
    runs = [{**each["segmentation"], "counts": each["segmentation"]["counts"].encode()} for each in (item, other)]
    if not sum(coco_mask.area(runs)):
        return 0.0
    return 1.0 - float(coco_mask.iou(runs[:1], runs[1:], [0])[0, 0])
