"""Settings of the detector that follow from the photos: how large it sees them, and its anchors."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych import distributed
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.model.preprocessing import STRIDE, scale_box
from triptych.shelf.model.pretrained import Anchors, read_anchors
from triptych.shelf.params import LEVELS, DetectorParams, TrainingParams

_logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_LONGEST = 1.75  # of the longer side over the shorter one: photos of 16 : 9 keep their shape
_LEAST_PX = 128  # in a smaller photo the coarsest maps hold next to nothing
_RATIOS = 3
_STEP_MPX = 12.0  # of the photos of a step together: a slim ResNet-18 learns from them in about 7 GB
_USUAL = math.log2(16)  # of the finest level's anchors: four times its stride, as in Lin and others, 2017
_ROUNDS = 50

FITTED = ("min_size_px", "max_size_px", "anchor_sizes", "aspect_ratios")
"""Settings of the detector that may be left to the data."""


def fit_detector(
    detector: DetectorParams,
    training: TrainingParams,
    photos: PhotoSet,
    read: Callable[[DetectorParams], Anchors | None] = read_anchors,
) -> tuple[DetectorParams, dict[str, Any]]:
    """Settle what the settings leave to the data; what they name stays, and so do the anchors of weights.

    Args:
        detector: The settings; a size of 0, no anchor sizes and no ratios are left to the data.
        training: How large objects should be, and how many pixels all epochs may come to.
        photos: Those that are learnt from, with an object at least.
        read: Gives the anchors of weights. Ranks that train together read them once; nothing else here talks to them.

    Returns:
        Settings that leave nothing open, and a report: those that were fitted, `median_object_px` (root of the
        objects' area as the detector sees them), `anchor_overlap` (mean IoU with the anchor that fits best).
    """
    known = read(detector)
    fitted = _fit_size(detector, training, photos)
    boxes = scale_boxes(photos, fitted)
    fitted = _fit_anchors(fitted, boxes, known)
    chosen = {name: value for name, value in fitted if name in FITTED and getattr(detector, name) != value}
    median, overlap = float(np.median(np.sqrt(boxes.prod(axis=1)))), mean_overlap(boxes, list_anchors(fitted))
    if chosen and distributed.is_primary():
        _logger.info(
            "From the data: %s. Half of the objects are %.0f px or larger then; the anchor that fits an object best "
            "overlaps it by %.2f on average",
            ", ".join(f"{name} {value}" for name, value in chosen.items()),
            median,
            overlap,
        )
    return fitted, {"fitted": chosen, "median_object_px": median, "anchor_overlap": overlap}


def _fit_size(detector: DetectorParams, training: TrainingParams, photos: PhotoSet) -> DetectorParams:
    """Take the smallest size at which half of the objects are large enough, unless the training would take too long."""
    smallest, largest = detector.min_size_px, detector.max_size_px
    if not smallest:
        shares = [
            math.sqrt(item["bbox"][2] * item["bbox"][3]) / min(image["height"], image["width"])
            for image, items in zip(photos.images, photos.objects, strict=True)
            for item in items
        ]
        wanted = math.ceil(training.object_px / float(np.median(shares)) / STRIDE) * STRIDE
        native = float(np.median([min(image["height"], image["width"]) for image in photos.images]))
        useful = math.ceil(native / STRIDE) * STRIDE  # enlarging shows nothing more
        affordable, holdable = _affordable_size(training, photos), _holdable_size(training, photos)
        smallest = max(min(wanted, useful, affordable, holdable), _LEAST_PX)
        if largest:
            smallest = min(smallest, largest)
        if affordable < min(wanted, useful, holdable) and distributed.is_primary():
            _logger.warning(
                "Photos are scaled to %d px and not to %d, as shelf.training.budget_mpx (%g) allows no more in %d "
                "epochs: small objects may be missed",
                *(smallest, wanted, training.budget_mpx, training.epochs),
            )
        elif holdable < min(wanted, useful) and distributed.is_primary():
            _logger.warning(
                "Photos are scaled to %d px and not to %d, as %d of them at once would take too much memory: small "
                "objects may be missed. Cut the photos into parts, or set shelf.detector.min_size_px",
                *(smallest, wanted, training.batch_size),
            )
    if not largest:
        largest = math.ceil(smallest * _LONGEST / STRIDE) * STRIDE
    return detector.replace(min_size_px=smallest, max_size_px=largest)


def _affordable_size(training: TrainingParams, photos: PhotoSet) -> int:
    """Give the largest shorter side at which all epochs together stay within the budget of pixels."""
    shapes = [(min(image["height"], image["width"]), max(image["height"], image["width"])) for image in photos.images]
    squares = sum(min(longer / shorter, _LONGEST) for shorter, longer in shapes)  # areas over squared shorter sides
    side = math.sqrt(training.budget_mpx * 1e6 / training.epochs / squares)
    return math.floor(side / STRIDE) * STRIDE


def _holdable_size(training: TrainingParams, photos: PhotoSet) -> int:
    """Give the largest shorter side at which the photos of a step fit into the memory of a usual machine."""
    sides = [(image["height"], image["width"]) for image in photos.images]
    longest = min(max(max(pair) / min(pair) for pair in sides), _LONGEST)
    return math.floor(math.sqrt(_STEP_MPX * 1e6 / training.batch_size / longest) / STRIDE) * STRIDE


def scale_boxes(photos: PhotoSet, detector: DetectorParams) -> FloatArray:
    """Give width and height of every object, as the detector sees it."""
    pairs = zip(photos.images, photos.objects, strict=True)
    return np.array([scale_box(item["bbox"], image, detector) for image, items in pairs for item in items])


def _fit_anchors(detector: DetectorParams, boxes: FloatArray, known: Anchors | None) -> DetectorParams:
    sizes, ratios = detector.anchor_sizes, detector.aspect_ratios
    if sizes and ratios:
        return detector
    if known is not None:
        return detector.replace(anchor_sizes=sizes or known[0], aspect_ratios=ratios or known[1])
    base, found = cluster_anchors(boxes, len(ratios) or _RATIOS)
    if not ratios:
        # One where all objects have the same shape.
        ratios = tuple(dict.fromkeys(_round_ratio(float(ratio)) for ratio in found))
    if not sizes:
        sizes = tuple((round(base * 2**level),) for level in range(LEVELS))
    return detector.replace(anchor_sizes=sizes, aspect_ratios=ratios)


def _round_ratio(ratio: float) -> float:
    """Round to hundredths, or to two digits of less than a tenth: strips at the edge of a shelf are that flat."""
    return round(ratio, max(2, 1 - math.floor(math.log10(ratio))))


def cluster_anchors(boxes: FloatArray, ratios: int) -> tuple[float, FloatArray]:
    """Cluster shapes by their overlap (Redmon, Farhadi: YOLO9000, CVPR 2017, 2), as far as a pyramid allows.

    There a cluster is any width and height. Here a level's anchors are twice those of the level before, and all levels
    share their ratios: what is looked for is the size on the finest level, and the ratios.

    Args:
        boxes: Width and height of each object, N x 2.
        ratios: How many.

    Returns:
        The size on the finest level, in pixels, 11 to 23; and the ratios of height to width, rising.
    """
    size = np.log2(np.sqrt(boxes.prod(axis=1)))
    shape = np.log2(boxes[:, 1] / boxes[:, 0])
    middles = np.quantile(shape, (np.arange(ratios) + 0.5) / ratios)
    base, best = _USUAL, (-1.0, _USUAL, middles)
    for _ in range(_ROUNDS):
        anchors = _spread(base, middles)
        overlaps = overlap_shapes(boxes, anchors)
        score = float(overlaps.max(axis=1).mean())
        if score <= best[0]:
            break
        best = (score, base, middles)
        level, ratio = np.divmod(overlaps.argmax(axis=1), ratios)
        base = float(np.clip(np.mean(size - level), _USUAL - 0.5, _USUAL + 0.5))  # levels are an octave apart
        middles = np.array(
            [shape[ratio == number].mean() if (ratio == number).any() else middles[number] for number in range(ratios)]
        )
    return 2.0 ** best[1], np.sort(2.0 ** best[2])


def _spread(base: float, middles: FloatArray) -> FloatArray:
    """Give width and height of every anchor, level by level: those with a ratio of height to width."""
    sizes = 2.0 ** (base + np.arange(LEVELS))[:, None]
    roots = 2.0 ** (middles / 2)
    return np.stack([sizes / roots, sizes * roots], axis=-1).reshape(-1, 2)


def overlap_shapes(boxes: FloatArray, anchors: FloatArray) -> FloatArray:
    """Compute the overlap (IoU) of boxes and anchors with the same centre.

    Args:
        boxes: Width and height, N x 2.
        anchors: Width and height, M x 2.

    Returns:
        N x M, 0 to 1.
    """
    common = np.minimum(boxes[:, None], anchors[None]).prod(axis=-1)
    union = boxes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - common
    return np.asarray(common / union)


def mean_overlap(boxes: FloatArray, anchors: FloatArray) -> float:
    """Give the mean overlap (IoU) of boxes with the anchor that fits each best."""
    return float(overlap_shapes(boxes, anchors).max(axis=1).mean())


def list_anchors(detector: DetectorParams) -> FloatArray:
    """Give width and height of the anchors of all levels, M x 2."""
    sizes = {size for level in detector.anchor_sizes for size in level}
    shapes = [(size / math.sqrt(ratio), size * math.sqrt(ratio)) for size in sizes for ratio in detector.aspect_ratios]
    return np.array(shapes)
