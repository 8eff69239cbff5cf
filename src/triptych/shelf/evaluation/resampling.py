"""Whether one detector's average precision beats another's by more than the choice of photos explains."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.shelf.evaluation.coco_metrics import IOUS, run_evaluator

_SHARES = (2.5, 97.5)  # percentiles: the 95 % interval

Floats = NDArray[np.float64]


class Gain(NamedTuple):
    """Average precisions of two detectors, and their difference with its 95 % interval."""

    value: float
    other_value: float
    difference: float
    low: float
    high: float


class _Judged(NamedTuple):
    """A category's detections on all photos, best score first, and its objects.

    Attributes:
        photo: Index of each detection's photo.
        right: Whether each found an object, overlaps x detections.
        wrong: Whether each found none, overlaps x detections; some count neither way.
        objects: Objects of each photo.
    """

    photo: NDArray[np.int64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    objects: NDArray[np.int64]


def compare_precision(
    truth: dict[str, Any],
    own: list[dict[str, Any]],
    other: list[dict[str, Any]],
    metric: str,
    samples: int,
    seed: int,
) -> Gain:
    """Compare two detectors on the same photos by a paired bootstrap over the photos.

    Args:
        truth: The photos judged, with all of their objects.
        own: What the one found on them.
        other: What the other found on them.
        metric: `box.map`, `box.map_50`, `box.map_75`, or the same of `mask.`.
        samples: Times the photos are drawn anew, with replacement.
        seed: Of the draws.
    """
    photos = len(truth["images"])
    counts = np.random.default_rng(seed).multinomial(photos, np.full(photos, 1 / photos), samples)
    weights = np.vstack([np.ones(photos, np.int64), counts])
    kind, name = metric.split(".")
    values, others = (weigh_precision(truth, results, kind, name, weights) for results in (own, other))
    gains = values - others
    # A draw may hold no objects at all.
    low, high = np.nanpercentile(gains[1:], _SHARES)
    return Gain(*(float(number) for number in (values[0], others[0], gains[0], low, high)))


def weigh_precision(
    truth: dict[str, Any], results: list[dict[str, Any]], kind: str, name: str, weights: NDArray[np.int64]
) -> Floats:
    """Compute average precision as if each photo were there a number of times.

    The detections are matched once, by pycocotools; what follows is its sum over them, with weights.

    Args:
        truth: The photos judged.
        results: What was found on them.
        kind: `box` or `mask`.
        name: `map`, `map_50` or `map_75`.
        weights: How often each photo counts, draws x photos.

    Returns:
        One value a draw; NaN where it has no objects.
    """
    evaluator = run_evaluator(truth, results, kind)
    overlaps = range(len(evaluator.params.iouThrs)) if name == "map" else [IOUS[name.removeprefix("map")]]
    columns = {image["id"]: index for index, image in enumerate(truth["images"])}
    weights = weights[:, [columns[photo] for photo in evaluator.params.imgIds]]
    total, categories = np.zeros(len(weights)), np.zeros(len(weights))
    for category in range(len(evaluator.params.catIds)):
        judged = _collect(evaluator, category)
        precisions = np.mean([_weigh_category(judged, index, weights, evaluator.params) for index in overlaps], axis=0)
        known = ~np.isnan(precisions)
        total[known] += precisions[known]
        categories += known
    total[categories == 0] = np.nan
    return total / np.maximum(categories, 1)


def _collect(evaluator: Any, category: int) -> _Judged:
    params = evaluator.params
    photos, start = len(params.imgIds), category * len(params.areaRng) * len(params.imgIds)
    images = evaluator.evalImgs[start : start + photos]  # objects of all sizes come first
    objects = np.array([0 if image is None else np.sum(~image["gtIgnore"].astype(bool)) for image in images])
    found = [(index, image) for index, image in enumerate(images) if image is not None]
    overlaps = len(params.iouThrs)
    scores = np.concatenate([np.empty(0), *(image["dtScores"] for _, image in found)])
    matched = np.hstack([np.empty((overlaps, 0)), *(image["dtMatches"] for _, image in found)]) > 0
    ignored = np.hstack([np.empty((overlaps, 0)), *(image["dtIgnore"] for _, image in found)]).astype(bool)
    photo = np.repeat([index for index, _ in found], [len(image["dtScores"]) for _, image in found]).astype(np.int64)
    order = np.argsort(-scores, kind="stable")
    return _Judged(
        photo[order], (matched & ~ignored)[:, order], (~matched & ~ignored)[:, order], objects.astype(np.int64)
    )


def _weigh_category(judged: _Judged, overlap: int, weights: NDArray[np.int64], params: Any) -> Floats:
    objects = weights @ judged.objects
    counted = weights[:, judged.photo]
    right = np.cumsum(counted * judged.right[overlap], axis=1, dtype=np.float64)
    believed = right + np.cumsum(counted * judged.wrong[overlap], axis=1)
    precision = np.divide(right, believed, out=np.zeros_like(right), where=believed > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    values = np.full(len(weights), np.nan)
    for draw in np.flatnonzero(objects):
        place = np.searchsorted(right[draw] / objects[draw], params.recThrs, side="left")
        reached = place < right.shape[1]
        values[draw] = best[draw, place[reached]].sum() / len(params.recThrs)
    return values
