"""Small detectors with random weights, and photos for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from triptych.shelf.params import DetectorParams

SIZE = (96, 64)  # width, height

PARAMS = DetectorParams(
    fpn_channels=16,
    box_head_width=16,
    mask_head_channels=(16,),
    mask_pool_px=7,
    rpn_proposals=20,
    max_detections=5,
    anchor_sizes=((16,), (32,), (64,), (128,), (256,)),
    aspect_ratios=(0.5, 1.0, 2.0),
    min_size_px=64,
    max_size_px=96,
)


def write_model(
    folder: Path, *, seed: int = 0, categories: tuple[str, ...] = ("gap",), masks: bool = True, **info: Any
) -> Path:
    """Write a detector that finds things at random, but always the same on the same photo."""
    import torch

    from triptych.shelf.model.detector import build_detector
    from triptych.shelf.model.files import LoadedDetector, save_model

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_detector(PARAMS, len(categories), masks)
    folder.mkdir(parents=True)
    save_model(folder, LoadedDetector(model.eval(), categories, masks, 0.1, PARAMS, info))
    return folder


def draw_photo(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(noise.astype(np.uint8))


def write_data(folder: Path, count: int = 6, size: tuple[int, int] = SIZE) -> tuple[Path, dict[str, Any], pd.DataFrame]:
    """Write ingested photos: an object on each but the last; a third each for training, validation and test."""
    (folder / "images").mkdir(parents=True)
    images, items = [], []
    for number in range(1, count + 1):
        name = f"photo_{number:02}.png"
        draw_photo(number, size).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": size[0], "height": size[1], "source": name})
        if number < count:
            left, top, width, height = bbox = [10.0, 8.0, 30.0, 40.0]
            outline = [left, top, left + width, top, left + width, top + height, left, top + height]
            items.append({"id": number, "image_id": number, "category_id": 1, "bbox": bbox, "area": 1200.0})
            items[-1] |= {"iscrowd": 0, "segmentation": [outline]}
    annotations = {"images": images, "annotations": items, "categories": [{"id": 1, "name": "gap"}]}
    roles = pd.DataFrame({"image_id": range(1, count + 1), "file_name": [image["file_name"] for image in images]})
    names = ["train", "validation", "test"]
    return (
        folder,
        annotations,
        roles.assign(group=roles["image_id"], role=[names[3 * i // count] for i in range(count)]),
    )
