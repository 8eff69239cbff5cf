"""Judge a detector on the test photos."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from triptych.shelf.data.dataset import read_ingested, select_role
from triptych.shelf.evaluation.coco_metrics import evaluate_detections, trace_precision_recall
from triptych.shelf.evaluation.counts import believe, count_photos, group_by_photo, summarize_counts
from triptych.shelf.evaluation.detections import detect_objects
from triptych.shelf.evaluation.overlays import arrange, draw_overlay, mark_photo
from triptych.shelf.model.files import load_detector
from triptych.shelf.params import EvaluationParams
from triptych.storage.folder import Folder

if TYPE_CHECKING:
    from triptych.shelf.evaluation.overlays import Picture

_TILE_PX = 640  # of the sheet
_TRAINED = ("images_per_s", "seconds", "epochs", "median_object_px", "anchor_overlap")


def evaluate_on_test(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    model: Path,
    training_report: dict[str, Any],
    evaluation: EvaluationParams,
) -> tuple[list[dict[str, Any]], dict[str, float], pd.DataFrame, pd.DataFrame, Folder, NDArray[np.uint8]]:
    """Run a detector once on the test photos, and compare what it finds with what is there.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        model: The detector's folder.
        training_report: Its training, of which the figures are passed on.
        evaluation: Least overlap, and how many photos to show.

    Returns:
        Detections in COCO's results format; flat metrics `test.<metric>`, `validation.<metric>` and
        `train.<figure>`; counts by photo; points of the precision-recall curves; overlays of the photos with most
        mistakes, named by their place; and a sheet of them.
    """
    detector = load_detector(model)
    truth = select_role(annotations, roles, "test")
    results = detect_objects(detector, photos, truth, evaluation.batch_size)
    threshold = detector.score_threshold
    counts = count_photos(truth, results, threshold, evaluation.iou_threshold)
    metrics = {
        **{f"test.{name}": value for name, value in evaluate_detections(truth, results, detector.masks).items()},
        **{f"test.{name}": value for name, value in summarize_counts(counts).items()},
        "test.score_threshold": threshold,
        **_report_training(training_report),
    }
    curves = trace_precision_recall(truth, results, detector.masks)
    overlays, sheet = draw_worst(photos, truth, believe(results, threshold), counts, evaluation)
    return results, metrics, counts, curves, overlays, sheet


def draw_worst(
    photos: Path,
    truth: dict[str, Any],
    believed: list[dict[str, Any]],
    counts: pd.DataFrame,
    evaluation: EvaluationParams,
) -> tuple[Folder, Picture]:
    """Draw the photos with most mistakes.

    Args:
        photos: The ingested photos.
        truth: The photos judged, with their objects.
        believed: Detections with at least the threshold's score.
        counts: As `count_photos` gives them.
        evaluation: Least overlap, and how many photos to draw.

    Returns:
        A folder with a PNG for each, and a sheet of them all.
    """
    folder, tiles = Folder.create("overlays"), []
    images = {image["id"]: image for image in truth["images"]}
    names = {category["id"]: str(category["name"]) for category in truth["categories"]}
    objects, found = group_by_photo(truth["annotations"]), group_by_photo(believed)
    for place, photo in enumerate(rank_worst(counts)[: evaluation.overlays], start=1):
        pixels, name = read_ingested(photos, images[photo]), str(images[photo]["file_name"])
        marks = mark_photo(objects[photo], found[photo], evaluation.iou_threshold, names)
        file = folder.path / f"{place:03}_{name_file(name)}.png"
        Image.fromarray(draw_overlay(pixels, marks, name)).save(file)
        tiles.append(draw_overlay(pixels, marks, name, _TILE_PX))
    return folder, arrange(tiles)


def rank_worst(counts: pd.DataFrame) -> list[int]:
    """Order photos by falling number of mistakes; of equal ones those with most objects come first."""
    ranked = counts.assign(mistakes=counts["false"] + counts["missed"])
    ranked = ranked.sort_values(["mistakes", "objects", "file_name"], ascending=[False, False, True])
    return [int(photo) for photo in ranked["image_id"]]


def name_file(name: str) -> str:
    """Make a file name, without suffix, of a photo's name or path."""
    return re.sub(r"[^\w.+-]+", "_", name.rpartition(".")[0] or name).lstrip(".")


def _report_training(report: dict[str, Any]) -> dict[str, float]:
    trained = {f"train.{name}": report[name] for name in _TRAINED if name in report}
    validation = {f"validation.{name}": value for name, value in report.get("validation", {}).items()}
    # JSON has neither infinity nor NaN.
    return {name: value for name, value in (trained | validation).items() if math.isfinite(value)}
