"""Who found what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.shelf.shapes import detect, make_truth
from tests.pipelines.shelf.strategies import judged_photos
from triptych.pipelines.shelf.coco_metrics import run_evaluator
from triptych.pipelines.shelf.matching import group_by_photo, match_photo

A = [10.0, 10.0, 40.0, 40.0]
NEAR = [14.0, 10.0, 40.0, 40.0]
FAR = [120.0, 120.0, 40.0, 40.0]


def match(boxes: list[list[float]], found: list[dict[str, Any]], iou: float = 0.5, **more: Any) -> Any:
    return match_photo(make_truth({1: boxes}, **more)["annotations"], found, iou)


def test_the_best_score_takes_the_object() -> None:
    result = match([A], [detect(1, A, 0.6), detect(1, NEAR, 0.9)])
    assert result.found.tolist() == [-1, 0]
    assert not result.missed.any()


def test_each_takes_what_it_overlaps_most() -> None:
    assert match([NEAR, A], [detect(1, A, 0.9), detect(1, NEAR, 0.8)]).found.tolist() == [1, 0]


def test_overlap_and_category_must_suffice() -> None:
    assert match([A], [detect(1, NEAR, 0.9)], iou=0.9).missed.tolist() == [True]
    assert match([A], [detect(1, A, 0.9, category=2)]).missed.tolist() == [True]
    assert match([A, FAR], [detect(1, NEAR, 0.9)]).missed.tolist() == [False, True]


@pytest.mark.parametrize(("boxes", "found"), [([], []), ([A], []), ([], [detect(1, A, 0.9)])])
def test_either_side_may_be_empty(boxes: list[list[float]], found: list[dict[str, Any]]) -> None:
    result = match(boxes, found)
    assert result.found.tolist() == [-1] * len(found)
    assert result.missed.tolist() == [True] * len(boxes)
    assert not result.ignored.any()


def test_a_crowd_is_never_missed_and_takes_any_number() -> None:
    result = match([A], [detect(1, A, 0.9), detect(1, [12.0, 12.0, 9.0, 9.0], 0.8), detect(1, FAR, 0.7)], iscrowd=1)
    assert result.ignored.tolist() == [True, True, False]
    assert result.found.tolist() == [-1] * 3
    assert not result.missed.any()


@settings(max_examples=40, deadline=None)
@given(judged_photos(), st.sampled_from([0.5, 0.75]))
def test_it_agrees_with_pycocotools(case: tuple[dict[str, Any], list[dict[str, Any]]], iou: float) -> None:
    truth, found = case
    evaluator = run_evaluator(truth, found, "box")
    row = [round(float(value), 2) for value in evaluator.params.iouThrs].index(iou)
    for judged in evaluator.evalImgs[: len(truth["images"])]:  # of all sizes
        if judged is None:
            continue
        photo = judged["image_id"]
        objects = [item for item in truth["annotations"] if item["image_id"] == photo]
        mine = match_photo(objects, [item for item in found if item["image_id"] == photo], iou)
        assert (mine.found >= 0).sum() == (judged["dtMatches"][row] > 0).sum()
        assert mine.missed.sum() == (judged["gtMatches"][row] == 0).sum()


def test_grouping_has_a_list_for_every_photo_asked_for() -> None:
    groups = group_by_photo([detect(1, A, 0.9), detect(2, A, 0.8), detect(1, FAR, 0.7)])
    assert [item["score"] for item in groups[1]] == [0.9, 0.7]
    assert groups[5] == []
