"""Run a detector on photos of the data, so that what it finds can be compared with what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.pipelines.shelf.coco_metrics import select_photos
from triptych.pipelines.shelf.photo_files import read_photo

if TYPE_CHECKING:
    from triptych.pipelines.shelf.models import LoadedDetector


def load_detector(model: Path) -> LoadedDetector:
    """Load a detector onto the device that computes."""
    from triptych.pipelines.shelf.devices import choose_device
    from triptych.pipelines.shelf.models import load_model

    detector = load_model(model)
    detector.model.to(choose_device())
    return detector


def select_role(annotations: dict[str, Any], roles: pd.DataFrame, *names: str) -> dict[str, Any]:
    """Take the photos of some roles with their objects."""
    return select_photos(annotations, roles.loc[roles["role"].isin(names), "image_id"].tolist())


def read_ingested(photos: Path, image: dict[str, Any]) -> NDArray[np.uint8]:
    """Read one of the ingested photos.

    Args:
        photos: Their folder.
        image: Its entry in the annotations.

    Returns:
        RGB, height x width x 3.
    """
    return read_photo(locate_photo(photos, image), image["width"] * image["height"])


def locate_photo(photos: Path, image: dict[str, Any]) -> Path:
    """Give the path of one of the ingested photos."""
    return photos / "images" / str(image["file_name"])


def detect_objects(
    detector: LoadedDetector, photos: Path, truth: dict[str, Any], batch_size: int
) -> list[dict[str, Any]]:
    """Find objects on photos of the data.

    Args:
        detector: A detector of the data's categories, in any order.
        photos: The ingested photos.
        truth: The photos to take, and the categories; the objects are not looked at.
        batch_size: Photos a step.

    Returns:
        Detections in COCO's results format.

    Raises:
        ValueError: If the detector finds other categories than the data has.
    """
    from triptych.pipelines.shelf.prediction import predict_photos

    ids = match_categories(detector.categories, truth["categories"])
    found = predict_photos(detector, _read_all(photos, truth["images"]), batch_size)
    return [{**item, "category_id": ids[item["category_id"]]} for results in found for item in results]


def match_categories(names: Iterable[str], categories: list[dict[str, Any]]) -> dict[int, int]:
    """Find the data's category id for each id of a detector, which counts its own from 1.

    Raises:
        ValueError: If their names differ.
    """
    known = {str(category["name"]): int(category["id"]) for category in categories}
    own = list(names)
    if set(own) != set(known):
        raise ValueError(f"the detector finds {sorted(own)}, the annotations are of {sorted(known)}")
    return {index: known[name] for index, name in enumerate(own, start=1)}


def _read_all(photos: Path, images: list[dict[str, Any]]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    return ((image["id"], read_ingested(photos, image)) for image in images)
