"""Masks as large as their photo, as torchvision and pycocotools have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def paste_masks(crops: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Paste crops (pixels, corners and so on) on a photo of a height and width; what lies beyond it is lost."""
    pixels, corners = np.asarray(crops[0]), np.asarray(crops[1]).astype(int)
    height, width = pixels.shape[1:]
    whole = np.zeros((len(pixels), size[0] + height + 2, size[1] + width + 2), np.uint8)
    for canvas, crop, (x, y) in zip(whole, pixels, corners, strict=True):
        canvas[y + 1 : y + 1 + height, x + 1 : x + 1 + width] = crop
    return whole[:, 1 : size[0] + 1, 1 : size[1] + 1]


def paste_target(target: dict[str, torch.Tensor], size: tuple[int, int]) -> dict[str, torch.Tensor]:
    """Give a target as torchvision wants it."""
    masks = torch.from_numpy(paste_masks((target["masks"], target["mask_corners"]), size).copy())
    return {"boxes": target["boxes"], "labels": target["labels"], "masks": masks}
