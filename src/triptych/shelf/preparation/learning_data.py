"""What the detector learns from and is judged on: photos by role, and whether there are masks to learn."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from triptych.shelf.data.dataset import PhotoSet, select_role
from triptych.shelf.params import DetectorParams

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearningData:
    """Photos for training and validation; test photos are not touched.

    Attributes:
        learnt: Photos that are trained on.
        judged: Photos for choosing the epoch; may be none.
        truth: The latter in COCO's format.
        categories: Names of the objects, in the order of their ids.
        masks: Whether masks are learnt, from the objects that have one.
    """

    learnt: PhotoSet
    judged: PhotoSet
    truth: dict[str, Any]
    categories: tuple[str, ...]
    masks: bool


def prepare_data(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, detector: DetectorParams
) -> LearningData:
    """Divide photos by role, and decide whether to learn masks.

    Args:
        photos: The ingested photos.
        annotations: In COCO's format.
        roles: Columns `image_id`, `role`.
        detector: `masks` in it decides, or leaves it to the data.

    Raises:
        ValueError: If there is nothing to learn from, or masks are wanted where there are none.
    """
    ids = {role: group["image_id"].tolist() for role, group in roles.groupby("role")}
    learnt = PhotoSet.select(photos, annotations, ids.get("train", []))
    judged = PhotoSet.select(photos, annotations, ids.get("validation", []))
    objects = [item for items in learnt.objects for item in items]
    if not objects:
        raise ValueError(f"there is nothing to learn: no object on {len(learnt)} training photos")
    bare = sum(not item.get("segmentation") for item in objects)
    if detector.masks == "on" and bare == len(objects):
        raise ValueError(
            f"masks: on needs masks, and none of the {bare} objects of the {len(learnt)} training photos has one: "
            "annotate some, or set detector.masks to auto or off"
        )
    masks = detector.masks != "off" and bare < len(objects)
    if masks and bare:
        _logger.info("%d of %d training objects have no mask: only their boxes are learnt from", bare, len(objects))
    categories = sorted(annotations["categories"], key=lambda category: category["id"])
    names_in_order = tuple(str(category["name"]) for category in categories)
    truth = select_role(annotations, roles, "validation")
    return LearningData(learnt, judged, truth, names_in_order, masks)
