"""From which score on detections are believed: a threshold with a good F1 that a few photos do not decide.

The score with the best F1 jumps: whether one detection more or less is right moves it a long way where the curve is
flat, and then F1 on other photos is off. So the photos are drawn anew many times, and the best scores of all draws are
averaged: bagging (Breiman: Bagging Predictors, Machine Learning 24, 1996), which lowers the variance of just such hard
decisions (Bühlmann, Yu: Analyzing Bagging, Annals of Statistics 30, 2002; Efron: Estimation and Accuracy After Model
Selection, JASA 109, 2014).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.shelf.evaluation.counts import group_by_photo, match_photo

_FALLBACK_SCORE = 0.5
_DIGITS = 12
_DRAWS = 200
_SEED = 0  # the same photos give the same threshold

Floats = NDArray[np.float64]


class Threshold(NamedTuple):
    """A score from which on detections are believed, and what that gives."""

    score: float
    f1: float
    precision: float
    recall: float


class _Pooled(NamedTuple):
    """The detections of all photos that count, best score first.

    Attributes:
        scores: Of each.
        hits: Whether each found an object.
        photos: Index of each one's photo.
        objects: Objects of each photo.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    photos: NDArray[np.int64]
    objects: NDArray[np.int64]


def choose_threshold(
    truth: dict[str, Any], results: list[dict[str, Any]], iou: float, draws: int = _DRAWS
) -> Threshold:
    """Choose a score threshold by F1: the mean of the best ones of many draws of the photos, with replacement.

    Args:
        truth: The photos, with all of their objects.
        results: What was found on them.
        iou: Least overlap of the boxes of a detection and the object it finds.
        draws: Of the photos; 0 takes the best threshold of the photos as they are.

    Returns:
        The threshold, and what it gives on these photos. 0.5 where nothing was found rightly.
    """
    pooled = _pool_matches(truth, results, iou)
    if not pooled.hits.any():
        return Threshold(_FALLBACK_SCORE, 0.0, 0.0, 0.0)
    count = len(pooled.objects)
    weights = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=draws)
    weights = weights if draws else np.ones((1, count), np.int64)
    found = [score for drawn in weights if (score := _find_best(pooled, drawn)) is not None]
    # A draw may hold nothing that was found rightly, but not all of them do, unless there are very few.
    score = round(float(np.mean(found)), _DIGITS) if found else float(pooled.scores[pooled.hits][-1])
    return _apply(pooled, score)


def _find_best(pooled: _Pooled, weights: NDArray[np.int64]) -> float | None:
    """Find the best score where each photo counts so often: half-way from the last that is believed to the next.

    Of equally good ones the highest; None where nothing was found rightly.
    """
    drawn = weights[pooled.photos] > 0
    scores, counted = pooled.scores[drawn], weights[pooled.photos][drawn]
    right = np.cumsum(counted * pooled.hits[drawn])
    if not right.size or not right[-1]:
        return None
    f1 = 2 * right / (np.cumsum(counted) + weights @ pooled.objects)
    # Detections of equal score are believed together.
    f1[:-1][scores[:-1] == scores[1:]] = -1
    best = int(f1.argmax())
    return float(scores[best] + scores[min(best + 1, len(scores) - 1)]) / 2


def _apply(pooled: _Pooled, score: float) -> Threshold:
    believed = pooled.scores >= score
    right, objects = int(pooled.hits[believed].sum()), int(pooled.objects.sum())
    count = int(believed.sum())
    return Threshold(score, 2 * right / (count + objects), right / count if count else 0.0, right / objects)


def _pool_matches(truth: dict[str, Any], results: list[dict[str, Any]], iou: float) -> _Pooled:
    objects, found = group_by_photo(truth["annotations"]), group_by_photo(results)
    ids = sorted(image["id"] for image in truth["images"])
    scores, hits, photos = [np.empty(0)], [np.empty(0, bool)], [np.empty(0, np.int64)]
    for number, photo in enumerate(ids):
        match = match_photo(objects[photo], found[photo], iou)
        counts = ~match.ignored
        scores.append(np.array([item["score"] for item in found[photo]], np.float64)[counts])
        hits.append((match.found >= 0)[counts])
        photos.append(np.full(int(counts.sum()), number))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    totals = np.array([sum(not item.get("iscrowd", 0) for item in objects[photo]) for photo in ids], np.int64)
    return _Pooled(np.concatenate(scores)[order], np.concatenate(hits)[order], np.concatenate(photos)[order], totals)
