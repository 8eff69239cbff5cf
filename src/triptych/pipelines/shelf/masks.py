"""Masks as COCO writes them: polygons or run lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


def decode_mask(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """Draw a mask.

    Args:
        segmentation: A list of polygons (each x, y, x, y ... in pixels), or run lengths, compressed or as a list.
        height: Of the photo.
        width: Of the photo.

    Returns:
        1 where the object is, height x width.
    """
    if isinstance(segmentation, list):
        runs = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        runs = coco_mask.frPyObjects(segmentation, height, width)
    else:
        runs = segmentation
    return np.asarray(coco_mask.decode(runs), np.uint8)
