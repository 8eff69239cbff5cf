"""A picture of what the detector learns from: the first photos as they are varied, with their objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from torch import Tensor

from triptych.shelf.data.formats.masks import encode_crop
from triptych.shelf.data.photo_files import Size
from triptych.shelf.evaluation.overlays import LABELLED, Mark, Picture, arrange, draw_overlay
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.preparation.batches import Batch, TrainingBatches
from triptych.shelf.preparation.fitting import fit_detector
from triptych.shelf.preparation.learning_data import LearningData, prepare_data
from triptych.shelf.preparation.photo_store import PhotoStore

_PHOTOS = 9
_TILE_PX = 512
_BOX_COLOUR = (255, 176, 0)


def draw_first_batches(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, detector: DetectorParams, training: TrainingParams
) -> Picture:
    """Draw the photos of the first steps, nine at most, as the detector learns from them; of several ranks, rank 0.

    Args:
        photos: The ingested photos.
        annotations: Their annotations, in COCO's format.
        roles: Columns `image_id`, `role`.
        detector: The model, which decides the size.
        training: How it is trained, which decides order and variations.

    Returns:
        RGB: for each photo its pixels after variation and padding, boxes and masks.

    Raises:
        ValueError: If there is nothing to learn.
    """
    data = prepare_data(photos, annotations, roles, detector)
    detector, _ = fit_detector(detector, training, data.learnt)
    store = PhotoStore(data.learnt, detector, masks=data.masks, largest_scale=training.augmentation.scale[1])
    batches = TrainingBatches(store, min(training.batch_size, _PHOTOS), training.augmentation, training.seed)
    tiles: list[Picture] = []
    for step in range(batches.steps):
        tiles += draw_batch(batches[step], data)
        if len(tiles) >= _PHOTOS:
            break
    return arrange(tiles[:_PHOTOS])


def draw_batch(batch: Batch, data: LearningData) -> list[Picture]:
    """Draw each photo of a batch with its objects."""
    names = dict(enumerate(data.categories, start=1))
    pictures = []
    for number, target in enumerate(batch.targets):
        pixels = batch.images[number].permute(1, 2, 0).contiguous().numpy().copy()
        marks = [Mark(LABELLED, item, name) for item, name in _list_objects(target, pixels, names)]
        _draw_boxes(pixels, marks)
        pictures.append(draw_overlay(pixels, marks, batch.files[number], _TILE_PX, (LABELLED,)))
    return pictures


def _draw_boxes(pixels: Picture, marks: list[Mark]) -> None:
    """Draw a thin box around each object with a mask, of which the overlay shows the outline only."""
    for mark in marks:
        if "segmentation" in mark.item:
            left, top, width, height = mark.item["bbox"]
            end = round(left + width) - 1, round(top + height) - 1
            cv2.rectangle(pixels, (round(left), round(top)), end, _BOX_COLOUR)


def _list_objects(
    target: dict[str, Tensor], pixels: Picture, names: dict[int, str]
) -> list[tuple[dict[str, Any], str]]:
    """List objects in COCO's format, with their names where there are several categories."""
    size = Size(pixels.shape[1], pixels.shape[0])
    objects = []
    for index, (box, label) in enumerate(zip(target["boxes"].numpy(), target["labels"].tolist(), strict=True)):
        left, top, right, bottom = box.tolist()
        item: dict[str, Any] = {"bbox": [left, top, right - left, bottom - top]}
        if "masks" in target and bool(target["mask_known"][index]):
            x, y = (round(corner) for corner in target["mask_corners"][index].tolist())
            crop = target["masks"][index].numpy().astype(np.bool_)
            item["segmentation"] = encode_crop(crop, x, y, size)
        objects.append((item, names[label] if len(names) > 1 else ""))
    return objects
