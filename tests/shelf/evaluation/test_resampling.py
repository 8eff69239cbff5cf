"""The bootstrap weighs photos as if they were there that often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shelf.shapes import detect, detect_all, make_truth
from tests.shelf.strategies import judged_photos
from triptych.shelf.evaluation.coco_metrics import evaluate_detections
from triptych.shelf.evaluation.resampling import compare_precision, weigh_precision

Case = tuple[dict[str, Any], list[dict[str, Any]]]
METRICS = ["box.map", "box.map_50", "box.map_75", "mask.map"]
BOXES = {photo: [[10.0, 10.0, 40.0, 40.0], [100.0, 60.0 + photo, 30.0, 50.0]] for photo in range(1, 21)}


def repeat(items: list[dict[str, Any]], key: str, times: list[int]) -> list[dict[str, Any]]:
    """Copy what belongs to photo 1, 2 ... so many times, under new photo ids."""
    return [{**item, key: 100 * item[key] + copy} for item in items for copy in range(times[item[key] - 1])]


@settings(max_examples=30, deadline=None)
@given(judged_photos(), st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(any), st.sampled_from(METRICS))
def test_weights_are_copies_of_photos(case: Case, times: tuple[int, int], metric: str) -> None:
    truth, found = case
    # Among equal scores pycocotools would alternate between the copies.
    found = [{**item, "score": item["score"] + number / 1e6} for number, item in enumerate(found)]
    copies = {**truth, "images": repeat(truth["images"], "id", list(times))}
    copies["annotations"] = repeat(truth["annotations"], "image_id", list(times))
    copies["annotations"] = [{**item, "id": number} for number, item in enumerate(copies["annotations"], start=1)]
    expected = evaluate_detections(copies, repeat(found, "image_id", list(times)), masks=True).get(metric, np.nan)
    kind, name = metric.split(".")
    weighed = weigh_precision(truth, found, kind, name, np.array([times]))
    assert weighed.tolist() == pytest.approx([expected], nan_ok=True)


def test_categories_count_the_same() -> None:
    truth = make_truth({1: [[10.0, 10.0, 40.0, 40.0]], 2: [[10.0, 10.0, 40.0, 40.0]]})
    truth["categories"].append({"id": 2, "name": "label"})
    truth["annotations"][1]["category_id"] = 2
    found = detect_all(truth)[:1]
    weighed = weigh_precision(truth, found, "box", "map", np.array([[1, 1], [1, 0], [0, 1], [0, 0]]))
    assert weighed.tolist() == pytest.approx([0.5, 1.0, 0.0, np.nan], nan_ok=True)


def test_the_same_detections_differ_by_nothing() -> None:
    truth = make_truth(BOXES)
    gain = compare_precision(truth, detect_all(truth), detect_all(truth), "box.map", 50, 0)
    assert gain[2:] == (0, 0, 0)


def test_a_clear_advantage_is_certain_and_a_slight_one_is_not() -> None:
    truth = make_truth(BOXES)
    found = detect_all(truth)
    clear = compare_precision(truth, found, found[::3], "box.map_50", 200, 0)
    assert clear.value == pytest.approx(1)
    assert 0.5 < clear.low < clear.difference < clear.high < 0.8
    slight = compare_precision(truth, found, found[1:], "box.map_50", 200, 0)
    assert slight.low == 0 < slight.difference < slight.high
    assert compare_precision(truth, found, found[1:], "box.map_50", 200, 0) == slight
    assert compare_precision(truth, found, found[::3], "box.map_50", 200, 1) != clear


def test_draws_without_objects_are_left_out() -> None:
    truth = make_truth({1: [[10.0, 10.0, 40.0, 40.0]], 2: []})
    gain = compare_precision(truth, detect_all(truth), [detect(2, [0.0, 0.0, 9.0, 9.0], 0.5)], "box.map", 100, 0)
    assert (gain.low, gain.high) == pytest.approx((1, 1))
