"""Run a detector on photos of the data, so that what it finds can be compared with what is there."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.parallel import threaded_map

if TYPE_CHECKING:
    from triptych.shelf.model.files import LoadedDetector
    from triptych.shelf.model.prediction import Photo


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
    from triptych.shelf.model.prediction import LOOK_AHEAD, count_readers, predict_prepared, prepare_ingested

    def read(image: dict[str, Any]) -> Photo:
        return prepare_ingested(photos, image, detector.params)

    ids = match_categories(detector.categories, truth["categories"])
    prepared = threaded_map(read, truth["images"], count_readers(), batch_size * LOOK_AHEAD)
    with closing(prepared):
        found = list(predict_prepared(detector, prepared, batch_size, "auto"))
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
