"""What happens to photos before the network sees them: resized, and stacked into a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from triptych.shelf.params import DetectorParams

PADDING = (124, 116, 104)
"""Colour around a photo that is made smaller: the mean that the detector subtracts."""
STRIDE = 32
"""Of the coarsest feature map that the backbone computes."""


def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale an image to a height and width; smaller ones average what they cover."""
    if image.shape[:2] == size:
        return image
    shrunk = size[0] < image.shape[0] or size[1] < image.shape[1]
    method = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method), np.uint8)


def target_size(height: int, width: int, params: DetectorParams) -> tuple[int, int]:
    """Give the size to which the detector scales a photo (torchvision's rule)."""
    scale = min(params.min_size_px / min(height, width), params.max_size_px / max(height, width))
    return max(1, math.floor(height * scale)), max(1, math.floor(width * scale))


def scale_box(box: Sequence[float], image: Mapping[str, Any], params: DetectorParams) -> tuple[float, float]:
    """Give width and height of a box (left, top, width, height) of an image as the detector sees them."""
    height, width = target_size(image["height"], image["width"], params)
    return box[2] * (width / image["width"]), box[3] * (height / image["height"])


def stack_images(images: Sequence[NDArray[np.uint8]], canvas: tuple[int, int]) -> Tensor:
    """Stack images, padded on the right and below.

    Args:
        images: RGB, H x W x 3.
        canvas: Height and width that hold the largest.

    Returns:
        uint8, N x 3 x H x W with H and W multiples of 32, channels last in memory.
    """
    height, width = (math.ceil(side / STRIDE) * STRIDE for side in canvas)
    stacked = np.empty((len(images), height, width, 3), np.uint8)
    stacked[:] = PADDING
    for place, image in zip(stacked, images, strict=True):
        place[: image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)
