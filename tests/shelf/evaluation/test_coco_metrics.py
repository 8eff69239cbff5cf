"""COCO's figures against hand-computed ones, and what must hold whatever is found."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shelf.shapes import detect, detect_all, make_truth
from tests.shelf.strategies import judged_photos
from triptych.shelf.data.dataset import select_photos
from triptych.shelf.evaluation.coco_metrics import evaluate_detections, trace_precision_recall
from triptych.shelf.evaluation.thresholds import choose_threshold

A, B, C = [10.0, 10.0, 40.0, 40.0], [100.0, 10.0, 40.0, 40.0], [10.0, 100.0, 60.0, 60.0]
NOWHERE = [150.0, 150.0, 30.0, 30.0]
Case = tuple[dict[str, Any], list[dict[str, Any]]]


def test_perfect_detections_get_everything() -> None:
    truth = make_truth({1: [A, B], 2: [C]})
    metrics = evaluate_detections(truth, detect_all(truth), masks=True)
    assert metrics.pop("box.ar_1") == metrics.pop("mask.ar_1") == pytest.approx(2 / 3)  # one a photo of 2 and 1
    assert metrics == dict.fromkeys(metrics, 1.0)
    assert {"box.map", "mask.map_50", "mask.map_75", "box.map_medium", "box.ar_100"} <= set(metrics)
    assert not {"box.map_small", "box.map_large"} & set(metrics)  # there are no such objects


def test_nothing_found_gets_nothing() -> None:
    metrics = evaluate_detections(make_truth({1: [A], 2: []}), [], masks=True)
    assert metrics
    assert set(metrics.values()) == {0.0}


def test_without_objects_there_is_nothing_to_measure() -> None:
    assert evaluate_detections(make_truth({1: []}), [detect(1, A, 0.9)], masks=True) == {}
    assert trace_precision_recall(make_truth({1: []}), [], masks=True).empty


def test_hand_computed_precision() -> None:
    """Right, wrong, right over two objects: precision 1 up to recall .5, then 2/3; 51 and 50 of the 101 recalls."""
    truth = make_truth({1: [A, B]})
    found = [detect(1, A, 0.9), detect(1, NOWHERE, 0.8), detect(1, B, 0.7)]
    metrics = evaluate_detections(truth, found, masks=False)
    expected = (51 + 50 * 2 / 3) / 101
    assert (metrics["box.map"], metrics["box.map_50"]) == pytest.approx((expected, expected))
    assert (metrics["box.ar_1"], metrics["box.ar_10"]) == (0.5, 1.0)
    assert not [name for name in metrics if name.startswith("mask")]


def test_a_shifted_box_counts_up_to_its_overlap() -> None:
    """Moved by 10 of 40 pixels: IoU 30/50 = .6, so right at .50, .55 and .60 of the ten overlaps."""
    truth = make_truth({1: [A]})
    metrics = evaluate_detections(truth, [detect(1, [20.0, 10.0, 40.0, 40.0], 0.9)], masks=True)
    for kind in ("box", "mask"):
        assert metrics[f"{kind}.map"] == pytest.approx(0.3)
        assert (metrics[f"{kind}.map_50"], metrics[f"{kind}.map_75"]) == (1.0, 0.0)


def test_masks_are_judged_by_their_shape() -> None:
    truth = make_truth({1: [A]})
    found = detect(1, A, 0.9) | {"segmentation": detect(1, B, 0.9)["segmentation"]}
    metrics = evaluate_detections(truth, [found], masks=True)
    assert (metrics["box.map"], metrics["mask.map"]) == (1.0, 0.0)


def test_an_object_without_a_mask_counts_in_boxes_only() -> None:
    truth = make_truth({1: [A], 2: [B]})
    del truth["annotations"][1]["segmentation"]
    metrics = evaluate_detections(truth, [detect(1, A, 0.9)], masks=True)
    assert (metrics["box.ar_100"], metrics["mask.ar_100"]) == (0.5, 1.0)


def test_objects_with_a_mask_count_beside_one_without() -> None:
    """Two objects on one photo: only one has a mask, and its detection misses it."""
    truth = make_truth({1: [A, B]})
    del truth["annotations"][1]["segmentation"]
    wrong = detect(1, A, 0.9) | {"segmentation": detect(1, [150.0, 150.0, 30.0, 30.0], 0.9)["segmentation"]}
    metrics = evaluate_detections(truth, [wrong, detect(1, B, 0.8)], masks=True)
    assert (metrics["box.map"], metrics["mask.map"]) == (1.0, 0.0)
    metrics = evaluate_detections(truth, [detect(1, A, 0.7), detect(1, B, 0.8)], masks=True)
    # What finds the object without a mask is neither right nor wrong: else precision would be a half.
    assert metrics["mask.map"] == 1.0
    twice = [detect(1, A, 0.7), detect(1, B, 0.9), detect(1, B, 0.8)]
    assert evaluate_detections(truth, twice, masks=True)["mask.map"] == pytest.approx(0.5)


def test_a_crowd_without_a_mask_is_as_large_as_its_box() -> None:
    truth = make_truth({1: [A, B]})
    del truth["annotations"][1]["segmentation"]
    truth["annotations"][1]["iscrowd"] = 1
    metrics = evaluate_detections(truth, [detect(1, A, 0.7), detect(1, B, 0.9)], masks=True)
    assert metrics["mask.map"] == 1.0


def test_detections_on_other_photos_do_not_count() -> None:
    truth = make_truth({1: [A]})
    found = [*detect_all(truth), detect(7, A, 1.0)]
    assert evaluate_detections(truth, found, masks=False)["box.map"] == 1
    assert choose_threshold(truth, found, 0.5).f1 == 1


def test_a_category_that_was_never_found_costs_its_share() -> None:
    truth = make_truth({1: [A, B]})
    truth["categories"].append({"id": 2, "name": "label"})
    truth["annotations"][1]["category_id"] = 2
    assert evaluate_detections(truth, [detect(1, A, 0.9), detect(1, B, 0.8)], masks=False)["box.map"] == 0.5
    assert evaluate_detections(truth, [detect(1, A, 0.9), detect(1, B, 0.8, 2)], masks=False)["box.map"] == 1


def test_neither_argument_is_changed_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    truth = make_truth({1: [A, B]})
    found = detect_all(truth)
    before = copy.deepcopy((truth, found))
    evaluate_detections(truth, found, masks=True)
    choose_threshold(truth, found, 0.5)
    assert (truth, found) == before
    assert capfd.readouterr() == ("", "")


@settings(max_examples=25, deadline=None)
@given(judged_photos(), st.randoms())
def test_the_order_of_the_lists_does_not_count(case: Case, random: Any) -> None:
    truth, found = case
    before = evaluate_detections(truth, found, masks=False), choose_threshold(truth, found, 0.5)
    random.shuffle(found)
    random.shuffle(truth["images"])
    assert (evaluate_detections(truth, found, masks=False), choose_threshold(truth, found, 0.5)) == before


@settings(max_examples=25, deadline=None)
@given(judged_photos())
def test_a_false_detection_never_helps(case: Case) -> None:
    truth, found = case
    before = evaluate_detections(truth, found, masks=False)
    for score in (0.001, 1.0):
        after = evaluate_detections(truth, [*found, detect(1, [195.0, 195.0, 5.0, 5.0], score)], masks=False)
        precision = [name for name in before if "map" in name]
        assert all(after[name] <= before[name] + 1e-12 for name in precision)
        assert score == 1.0 or after["box.map_50"] == before["box.map_50"]


@settings(max_examples=25, deadline=None)
@given(judged_photos())
def test_figures_are_shares_and_fall_with_the_overlap_asked_for(case: Case) -> None:
    metrics = evaluate_detections(*case, masks=False)
    assert all(0 <= value <= 1 for value in metrics.values())
    assert metrics["box.map_75"] <= metrics["box.map_50"] + 1e-12
    assert metrics["box.ar_1"] <= metrics["box.ar_10"] <= metrics["box.ar_100"]


@settings(max_examples=25, deadline=None)
@given(judged_photos())
def test_the_curve_falls_and_its_mean_is_the_average_precision(case: Case) -> None:
    curves = trace_precision_recall(*case, masks=False)
    metrics = evaluate_detections(*case, masks=False)
    for iou, name in ((0.5, "box.map_50"), (0.75, "box.map_75")):
        precision = curves.loc[curves["iou"] == iou, "precision"]
        assert precision.mean() == pytest.approx(metrics[name])
        assert (np.diff(precision) <= 1e-12).all()


def test_crowds_count_neither_way() -> None:
    truth = make_truth({1: [A, C]})
    truth["annotations"][1] |= {"iscrowd": 1}
    found = [detect(1, A, 0.9), detect(1, [15.0, 105.0, 20.0, 20.0], 0.8), detect(1, [40.0, 130.0, 20.0, 20.0], 0.7)]
    assert evaluate_detections(truth, found, masks=False)["box.map"] == 1
    assert choose_threshold(truth, found, 0.5)[1:] == (1.0, 1.0, 1.0)


def test_selecting_photos_keeps_categories_and_their_own_objects() -> None:
    truth = make_truth({1: [A, B], 2: [], 3: [C]})
    chosen = select_photos(truth, [2, 3])
    assert [image["id"] for image in chosen["images"]] == [2, 3]
    assert [item["bbox"] for item in chosen["annotations"]] == [C]
    assert chosen["categories"] == truth["categories"]
