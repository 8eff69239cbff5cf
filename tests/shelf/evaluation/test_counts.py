"""Counts say what the matching says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shelf.shapes import detect, detect_all, make_truth
from tests.shelf.strategies import judged_photos
from triptych.shelf.evaluation.coco_metrics import run_evaluator
from triptych.shelf.evaluation.counts import believe, count_photos, group_by_photo, match_photo, summarize_counts

A, B, C = [10.0, 10.0, 40.0, 40.0], [100.0, 10.0, 40.0, 40.0], [10.0, 100.0, 60.0, 60.0]
NOWHERE = [150.0, 150.0, 30.0, 30.0]


def test_each_photo_has_its_row() -> None:
    truth = make_truth({1: [A, B, C], 2: [], 3: [A]})
    found = [detect(1, A, 0.9), detect(1, NOWHERE, 0.8), detect(1, B, 0.3), detect(2, C, 0.7), detect(3, A, 0.6)]
    counts = count_photos(truth, found, 0.5, 0.5)
    assert counts.to_dict("split")["columns"][2:] == ["objects", "detections", "found", "false", "missed", "error"]
    assert counts.to_numpy().tolist() == [
        [1, "1.jpg", 3, 2, 1, 1, 2, -1],
        [2, "2.jpg", 0, 1, 0, 1, 0, 1],
        [3, "3.jpg", 1, 1, 1, 0, 0, 0],
    ]
    summary = summarize_counts(counts)
    assert summary["count_error"] == pytest.approx(2 / 3)
    assert (summary["precision"], summary["recall"], summary["f1"]) == (2 / 4, 2 / 4, 2 / 4)
    assert (summary["photos"], summary["objects"]) == (3, 4)


def test_crowds_do_not_count() -> None:
    truth = make_truth({1: [A]}, iscrowd=1)
    row = count_photos(truth, [detect(1, A, 0.9), detect(1, A, 0.8)], 0.5, 0.5).iloc[0]
    assert row[["objects", "detections", "found", "false", "missed"]].tolist() == [0] * 5


def test_nothing_to_divide_by_gives_nothing() -> None:
    for truth in (make_truth({}), make_truth({1: []})):
        summary = summarize_counts(count_photos(truth, [], 0.5, 0.5))
        assert (summary["f1"], summary["count_error"], summary["objects"]) == (0, 0, 0)


def test_the_threshold_itself_is_believed() -> None:
    assert believe([detect(1, A, 0.5), detect(1, A, 0.499)], 0.5) == [detect(1, A, 0.5)]


@settings(max_examples=30, deadline=None)
@given(judged_photos())
def test_columns_add_up(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    truth, found = case
    counts = count_photos(truth, found, 0.4, 0.5)
    assert (counts["found"] + counts["missed"] == counts["objects"]).all()
    assert (counts["found"] + counts["false"] == counts["detections"]).all()
    assert counts["objects"].sum() == len(truth["annotations"])
    assert counts["detections"].sum() == len(believe(found, 0.4))
    every = summarize_counts(count_photos(truth, detect_all(truth), 0.4, 0.5))
    assert every["recall"] == every["precision"] == every["f1"] == 1


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
