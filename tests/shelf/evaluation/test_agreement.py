"""Differences of detections are those that were made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from triptych.shelf.data.mask_crops import MaskCrop, encode_crop
from triptych.shelf.evaluation.agreement import compare_detections


def find(left: float, score: float, category: int = 1, mask_width: int = 20) -> dict[str, Any]:
    mask = encode_crop(MaskCrop(np.ones((20, mask_width), np.uint8), (10, 10)), 60, 80)
    return {"category_id": category, "bbox": [left, 10.0, 20.0, 20.0], "score": score, "segmentation": mask}


def test_the_largest_differences_of_counterparts() -> None:
    ours = [[find(10.0, 0.9), find(40.0, 0.6)], []]
    theirs = [[find(41.5, 0.63), find(10.25, 0.9, mask_width=18)], []]
    found = compare_detections(ours, theirs, 0.3, 0.05)
    assert (found.detections, found.unmatched) == (4, 0)
    assert (found.score, found.box_px, found.mask) == pytest.approx((0.03, 1.5, 0.1))


@pytest.mark.parametrize("other", [[], [find(10.0, 0.9, category=2)], [find(60.0, 0.9)]])
def test_what_has_no_counterpart_is_counted(other: list[dict[str, Any]]) -> None:
    assert compare_detections([[find(10.0, 0.9)]], [other], 0.3, 0.05).unmatched == 1 + len(other)


def test_weak_ones_do_not_count_and_near_the_least_may_be_missing() -> None:
    assert compare_detections([[find(10.0, 0.2), find(40.0, 0.34)]], [[find(70.0, 0.1)]], 0.3, 0.05).unmatched == 0
