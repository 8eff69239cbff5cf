"""How well boxes and masks were found: COCO's figures, by pycocotools.

Truth is a dict in COCO's instances format, detections a list in COCO's results format; neither is changed.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from triptych.shelf.evaluation.counts import group_by_photo, match_photo, rank_detection

_SIZES = {"": 0, "_small": 1, "_medium": 2, "_large": 3}  # COCO: below 32^2, below 96^2, above; in pixels of area
_MOST = {"1": 0, "10": 1, "100": 2}
IOUS = {"_50": 0, "_75": 5}  # of .50, .55 ... .95
_KINDS = {"box": "bbox", "mask": "segm"}
_DIGITS = 12
_BARE_IOU = 0.5  # of boxes: from there on a detection is taken to be of the object, whatever its mask is


def evaluate_detections(truth: dict[str, Any], results: list[dict[str, Any]], masks: bool) -> dict[str, float]:
    """Compute COCO's average precision and recall.

    Args:
        truth: The photos judged, with all of their objects.
        results: What was found on them, at most 100 a photo counting.
        masks: Whether to judge masks too; objects without a mask count neither way in that.

    Returns:
        `box.map`, `box.map_50`, `box.map_75`, `box.map_small|medium|large`, `box.ar_1|10|100`, and the same of
        `mask.`; what there are no objects for is left out. 0.0 where nothing was found.
    """
    metrics: dict[str, float] = {}
    for kind in ("box", "mask") if masks else ("box",):
        evaluator = run_evaluator(truth, results, kind)
        metrics |= {f"{kind}.{name}": value for name, value in _summarize(evaluator).items() if value >= 0}
    return metrics


def trace_precision_recall(truth: dict[str, Any], results: list[dict[str, Any]], masks: bool) -> pd.DataFrame:
    """Trace precision over recall, each precision the best at that recall or above (COCO's interpolation).

    Returns:
        Columns `kind` (box or mask), `iou` (.5 or .75), `recall` (0 to 1 by .01), `precision`, `score` (the
        threshold that gives it, 0 where that recall is never reached); means over the categories.
    """
    tables = [pd.DataFrame({name: [] for name in ("kind", "iou", "recall", "precision", "score")})]
    for kind in ("box", "mask") if masks else ("box",):
        evaluator = run_evaluator(truth, results, kind)
        for index in IOUS.values():
            curves = [evaluator.eval[name][index, :, :, 0, -1] for name in ("precision", "scores")]
            known = curves[0].max(axis=0) >= 0  # of the categories
            if known.any():
                means = [curve[:, known].mean(axis=1) for curve in curves]
                iou = round(float(evaluator.params.iouThrs[index]), 2)
                table = {"kind": kind, "iou": iou, "recall": evaluator.params.recThrs}
                tables.append(pd.DataFrame({**table, "precision": means[0], "score": means[1]}))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def run_evaluator(truth: dict[str, Any], results: list[dict[str, Any]], kind: str) -> Any:
    """Run pycocotools' COCOeval.

    Args:
        truth: The photos judged.
        results: What was found.
        kind: `box` or `mask`.

    Returns:
        The COCOeval, accumulated: `evalImgs`, `eval`, `params`.
    """
    if kind == "mask":
        truth, results = leave_out_bare(truth, results)
    known = {image["id"] for image in truth["images"]}
    ordered = sorted((item for item in results if item["image_id"] in known), key=rank_detection)
    with contextlib.redirect_stdout(io.StringIO()):
        judged = _load(truth["images"], truth["categories"], [dict(item) for item in truth["annotations"]])
        found = _load(truth["images"], truth["categories"], [])
        if ordered:
            # The size of a mask's detection is the mask's; pycocotools takes the box's where it is given.
            wanted = {"image_id", "category_id", "score", "bbox" if kind == "box" else "segmentation"}
            found = judged.loadRes([{key: item[key] for key in wanted} for item in ordered])
        evaluator = COCOeval(judged, found, _KINDS[kind])
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def leave_out_bare(truth: dict[str, Any], results: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Leave objects without a mask out of the judgement of masks, and with them the detections whose boxes find them.

    Neither a right nor a wrong mask can be told on such an object, so it counts neither way, and the photo's other
    objects still count. Of a crowd without a mask the box is taken.

    Args:
        truth: The photos, with all of their objects.
        results: What was found on them.
    """
    bare = [item for item in truth["annotations"] if not item.get("segmentation")]
    if not bare:
        return truth, results
    objects, found = group_by_photo(truth["annotations"]), group_by_photo(results)
    ids = {item["id"] for item in bare if not item.get("iscrowd", 0)}
    taken = set()
    for photo in {item["image_id"] for item in bare}:
        match = match_photo(objects[photo], found[photo], _BARE_IOU)
        pairs = zip(found[photo], match.found, strict=True)
        taken |= {id(item) for item, place in pairs if place >= 0 and objects[photo][place]["id"] in ids}
    judged = [_mask_crowd(item) for item in truth["annotations"] if item["id"] not in ids]
    return {**truth, "annotations": judged}, [item for item in results if id(item) not in taken]


def _mask_crowd(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("segmentation"):
        return item
    left, top, width, height = item["bbox"]
    right, bottom = left + width, top + height
    return {**item, "segmentation": [[left, top, right, top, right, bottom, left, bottom]]}


def _load(images: list[dict[str, Any]], categories: list[dict[str, Any]], items: list[dict[str, Any]]) -> Any:
    coco = COCO()
    coco.dataset = {"info": {}, "images": images, "categories": categories, "annotations": items}
    coco.createIndex()
    return coco


def _summarize(evaluator: Any) -> dict[str, float]:
    precision, recall = evaluator.eval["precision"], evaluator.eval["recall"]
    metrics = {f"map{name}": _mean(precision[:, :, :, size, -1]) for name, size in _SIZES.items()}
    metrics |= {f"map{name}": _mean(precision[iou, :, :, 0, -1]) for name, iou in IOUS.items()}
    return metrics | {f"ar_{name}": _mean(recall[:, :, 0, most]) for name, most in _MOST.items()}


def _mean(values: NDArray[np.float64]) -> float:
    """Average what is known; -1 where nothing is."""
    known = values[values > -1]
    # pycocotools adds an epsilon to every denominator, which makes 0.9999999999999998 of 1.
    return round(float(known.mean()), _DIGITS) if known.size else -1.0
