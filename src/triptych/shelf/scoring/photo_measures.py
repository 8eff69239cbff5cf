"""Measure photos and what was found on them, so that later photos can be compared with those of the data.

Only figures are kept of a photo, never its pixels.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.parallel import count_threads, threaded_map
from triptych.shelf.data.dataset import locate_photo, select_role
from triptych.shelf.data.photo_files import PhotoError, Size, read_reduced
from triptych.shelf.evaluation.counts import believe, group_by_photo
from triptych.shelf.model.files import read_labels
from triptych.shelf.params import ScoringParams

MEASURES = ("brightness", "sharpness", "megapixels", "detections", "score")
_SIDE_PX = 640  # to which photos are scaled: the sharpness of a larger one would be another
_LOOK_AHEAD = 16
_logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A photo and what was found on it.

    Attributes:
        path: The file.
        scores: Of the detections that are believed.
    """

    path: Path
    scores: Sequence[float]


def measure_photos(photos: Iterable[Found], max_pixels: int) -> pd.DataFrame:
    """Measure photos; one that cannot be read is left out.

    Args:
        photos: The photos.
        max_pixels: Larger ones are left out.

    Returns:
        A row a photo; see `measure_pixels`.
    """

    def measure(photo: Found) -> dict[str, float | None] | None:
        try:
            pixels, size = read_reduced(photo.path, max_pixels, _fit)
        except PhotoError:
            return None
        return measure_pixels(pixels, size, photo.scores)

    rows = [row for row in threaded_map(measure, photos, count_threads(), _LOOK_AHEAD) if row is not None]
    return pd.DataFrame(rows, columns=list(MEASURES)).astype(float)


def measure_pixels(pixels: NDArray[np.uint8], size: Size, scores: Sequence[float]) -> dict[str, float | None]:
    """Measure a photo.

    Args:
        pixels: RGB, uint8, H x W x 3; may be scaled down.
        size: Of the photo itself.
        scores: Of the detections that are believed.

    Returns:
        `brightness`: mean luma, in [0, 1]; `sharpness`: log10 of the variance of the Laplacian of a copy of 640 pixels
        (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000), relative to its brightness;
        `megapixels`; `detections`; `score`: their mean score, None without any.
    """
    height, width = _fit(Size(pixels.shape[1], pixels.shape[0]))[::-1]
    grey = cv2.cvtColor(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    brightness = float(grey.mean()) / 255
    # Light scales all differences of a photo: a darker one is no less sharp.
    edges = cv2.Laplacian(grey, cv2.CV_32F).var() / max(brightness * 255, 1) ** 2
    return {
        "brightness": brightness,
        "sharpness": float(np.log10(max(edges, 1e-9))),
        "megapixels": size.width * size.height / 1e6,
        "detections": float(len(scores)),
        "score": float(np.mean(scores)) if len(scores) else None,
    }


def measure_test_photos(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, model: Path, detections: list[dict[str, Any]]
) -> pd.DataFrame:
    """Measure the test photos, as a reference that is kept beside the model.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        model: The detector's folder.
        detections: What it found on the test photos.

    Returns:
        A row a photo; see `measure_pixels`.
    """
    tested = select_role(annotations, roles, "test")["images"]
    believed = group_by_photo(believe(detections, read_labels(model)[1]))
    found = [Found(locate_photo(photos, image), _list_scores(believed.get(image["id"], []))) for image in tested]
    return measure_photos(found, max((image["width"] * image["height"] for image in tested), default=0))


def measure_scored_photos(
    model: Path, new_photos: Path, counts: pd.DataFrame, detections: list[dict[str, Any]], scoring: ScoringParams
) -> pd.DataFrame:
    """Measure new photos that `collect_scores` has counted, with what the detector itself believes, as the reference.

    Returns:
        A row a photo, see `measure_pixels`; none where a higher threshold has left out some of that.
    """
    own = read_labels(model)[1]
    if scoring.score_threshold > own:
        _logger.warning(
            "Nothing is logged: detections below %g are left out, and the detector believes those from %g on",
            scoring.score_threshold,
            own,
        )
        return pd.DataFrame(columns=list(MEASURES), dtype=float)
    believed = group_by_photo(believe(detections, own))
    rows = counts[["image_id", "file_name"]].itertuples(index=False)
    found = [Found(new_photos / name, _list_scores(believed.get(number, []))) for number, name in rows]
    return measure_photos(found, scoring.max_pixels)


def _list_scores(detections: list[dict[str, Any]]) -> list[float]:
    return [float(item["score"]) for item in detections]


def _fit(size: Size) -> Size:
    scale = _SIDE_PX / max(size)
    return Size(max(round(size.width * scale), 1), max(round(size.height * scale), 1))
