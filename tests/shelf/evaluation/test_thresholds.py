"""The score from which on detections are believed: best on the photos it is chosen on, or good on others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from tests.shelf.shapes import detect, make_truth
from tests.shelf.strategies import judged_photos
from triptych.shelf.evaluation.counts import count_photos, summarize_counts
from triptych.shelf.evaluation.thresholds import choose_threshold

A, B = [10.0, 10.0, 40.0, 40.0], [100.0, 10.0, 40.0, 40.0]
NOWHERE = [150.0, 150.0, 30.0, 30.0]
Case = tuple[dict[str, Any], list[dict[str, Any]]]


@settings(max_examples=50, deadline=None)
@given(judged_photos())
def test_no_threshold_is_better_than_the_best_on_the_photos_as_they_are(case: Case) -> None:
    truth, found = case
    chosen = choose_threshold(truth, found, 0.5, draws=0)
    best = summarize_counts(count_photos(truth, found, chosen.score, 0.5))
    assert chosen.f1 == pytest.approx(best["f1"])
    for score in (item["score"] for item in found):
        assert summarize_counts(count_photos(truth, found, score, 0.5))["f1"] <= chosen.f1 + 1e-12


@settings(max_examples=25, deadline=None)
@given(judged_photos())
def test_what_it_gives_is_what_counting_gives(case: Case) -> None:
    chosen = choose_threshold(*case, 0.5)
    counted = summarize_counts(count_photos(*case, chosen.score, 0.5))
    if chosen.f1:
        assert chosen[1:] == pytest.approx((counted["f1"], counted["precision"], counted["recall"]))


def test_the_threshold_is_half_way_to_what_is_not_believed() -> None:
    truth = make_truth({1: [A, B]})
    found = [detect(1, A, 0.9), detect(1, B, 0.8), detect(1, NOWHERE, 0.4)]
    assert choose_threshold(truth, found, 0.5) == pytest.approx((0.6, 1.0, 1.0, 1.0))
    assert choose_threshold(truth, found[:2], 0.5).score == 0.8
    assert choose_threshold(truth, found[2:], 0.5) == (0.5, 0.0, 0.0, 0.0)


class Scores(NamedTuple):
    """Scores of what is right and of what is wrong on a photo, and how many objects are on it."""

    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    objects: int


def draw_scores(rng: np.random.Generator) -> Scores:
    """A detector that finds nine of ten objects, and as much besides; the scores of both overlap."""
    objects = int(rng.poisson(4))
    right = rng.normal(1.5, 1.5, (rng.random(objects) < 0.9).sum())
    wrong = rng.normal(-0.8, 1.3, rng.poisson(5))
    return Scores(1 / (1 + np.exp(-right)), 1 / (1 + np.exp(-wrong)), objects)


def place_scores(photos: list[Scores]) -> Case:
    """Photos with objects side by side, found where they are, and false detections below them."""
    boxes = {
        number: [[20.0 * place, 0.0, 15.0, 15.0] for place in range(photo.objects)]
        for number, photo in enumerate(photos, start=1)
    }
    found = []
    for number, photo in enumerate(photos, start=1):
        for row, scores in ((0.0, photo.right), (100.0, photo.wrong)):
            for place, score in enumerate(scores):
                box = [20.0 * place, row, 15.0, 15.0]
                found.append({"image_id": number, "category_id": 1, "bbox": box, "score": float(score)})
    return make_truth(boxes, masks=False), found


def measure_f1(photos: list[Scores], threshold: float) -> float:
    right, wrong = (
        sum(int((scores >= threshold).sum()) for scores in side)
        for side in ([photo.right for photo in photos], [photo.wrong for photo in photos])
    )
    return 2 * right / (right + wrong + sum(photo.objects for photo in photos))


def take_best(photos: list[Scores]) -> float:
    """The score with the best F1 on these very photos."""
    scores = np.concatenate([part for photo in photos for part in (photo.right, photo.wrong)])
    return float(max(scores, key=lambda score: measure_f1(photos, score)))


def test_it_depends_less_on_which_photos_there_were() -> None:
    """Chosen on 20 photos, again and again; judged by F1 on 3000 others."""
    rng = np.random.default_rng(0)
    others = [draw_scores(rng) for _ in range(3000)]
    samples = [[draw_scores(rng) for _ in range(20)] for _ in range(40)]
    hard = np.array([measure_f1(others, take_best(photos)) for photos in samples])
    bagged = np.array([measure_f1(others, choose_threshold(*place_scores(photos), 0.5).score) for photos in samples])
    assert bagged.var() < 0.6 * hard.var()
    assert bagged.mean() > hard.mean()
