"""Counts say what the matching says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.pipelines.shelf.shapes import detect, detect_all, make_truth
from tests.pipelines.shelf.strategies import judged_photos
from triptych.pipelines.shelf.counts import believe, count_photos, summarize_counts

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
