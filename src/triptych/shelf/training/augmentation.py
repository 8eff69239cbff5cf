"""Variations of training photos: mirrored, scaled, in other colours, with boxes and masks that follow.

Positions are in pixels from the upper left corner of the photo, so that pixel 0 reaches from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.shelf.params import AugmentationParams

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Variation:
    """What is done to a photo.

    Attributes:
        flip: Mirror left and right.
        scale: Factor of enlargement.
        shift: Where the photo lies in the room that scaling leaves or needs, across and down, 0 to 1.
        brightness: Factor.
        contrast: Factor of the distance from the photo's mean.
        saturation: Factor of the distance from grey.
    """

    flip: bool = False
    scale: float = 1.0
    shift: tuple[float, float] = (0.5, 0.5)
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a photo come to lie: x' = `x_scale` x + `x_offset`, y likewise.

    Attributes:
        size: Height and width of what they come to lie on.
    """

    x_scale: float
    x_offset: float
    y_scale: float
    y_offset: float
    size: tuple[int, int]

    def cut(self, x: int, y: int, size: tuple[int, int]) -> Placement:
        """Take a part of the area: from a pixel on, of a height and width."""
        return replace(self, x_offset=self.x_offset - x, y_offset=self.y_offset - y, size=size)

    def move_boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes (N x 4: left, top, right, bottom) and cut them at the edges."""
        height, width = self.size
        across = np.sort(boxes[:, [0, 2]] * self.x_scale + self.x_offset, axis=1).clip(0, width)
        down = (boxes[:, [1, 3]] * self.y_scale + self.y_offset).clip(0, height)
        moved = np.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]], axis=1)
        return moved.astype(np.float32)

    def move_pixels(
        self, pixels: NDArray[np.uint8], corner: tuple[float, float] = (0.0, 0.0), fill: tuple[int, ...] = (0,)
    ) -> NDArray[np.uint8]:
        """Resample pixels on the new area.

        Args:
            pixels: H x W or H x W x C.
            corner: Where on the photo their upper left corner is, x and y.
            fill: Colour of what they do not cover.
        """
        height, width = self.size
        x, y = corner
        # OpenCV counts from the centre of the first pixel.
        x_offset = self.x_scale * (x + 0.5) + self.x_offset - 0.5
        y_offset = self.y_scale * (y + 0.5) + self.y_offset - 0.5
        if (self.x_scale, x_offset, self.y_scale, y_offset, *self.size) == (1, 0, 1, 0, *pixels.shape[:2]):
            return pixels
        matrix = np.array([[self.x_scale, 0, x_offset], [0, self.y_scale, y_offset]])
        moved = cv2.warpAffine(
            pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        )
        return np.asarray(moved, np.uint8)


def draw_variation(rng: np.random.Generator, params: AugmentationParams) -> Variation:
    """Draw a variation; always as many numbers, so that one parameter does not change what others draw."""
    chance, scale, across, down, *colours = rng.random(7)
    low, high = params.scale
    factors = [1 + params.colour * (2 * value - 1) for value in colours]
    return Variation(bool(chance < params.flip), low * (high / low) ** scale, (across, down), *factors)


def place(variation: Variation, source: tuple[int, int], target: tuple[int, int]) -> Placement:
    """Place a photo on an area of the size that the detector is trained with.

    Args:
        variation: What is done to it.
        source: Height and width of the photo as it is kept.
        target: Height and width of the area, which an unscaled photo fills.
    """
    (height, width), (target_height, target_width) = source, target
    scaled_height, scaled_width = target_height * variation.scale, target_width * variation.scale
    across, down = variation.shift
    left = (target_width - scaled_width) * across
    top = (target_height - scaled_height) * down
    if variation.flip:
        return Placement(-scaled_width / width, left + scaled_width, scaled_height / height, top, target)
    return Placement(scaled_width / width, left, scaled_height / height, top, target)


def change_colours(image: NDArray[np.uint8], variation: Variation) -> NDArray[np.uint8]:
    """Change brightness, contrast and saturation in one step.

    Args:
        image: RGB, H x W x 3.
        variation: By how much.
    """
    if (variation.brightness, variation.contrast, variation.saturation) == (1, 1, 1):
        return image
    # Each channel is mixed with luma, then moved towards the mean of luma.
    mix = variation.saturation * np.eye(3) + (1 - variation.saturation) * np.tile(_LUMA, (3, 1))
    mean = float(_LUMA @ np.asarray(cv2.mean(image)[:3]))
    scale = variation.brightness * variation.contrast
    offset = variation.brightness * (1 - variation.contrast) * mean
    return np.asarray(cv2.transform(image, np.hstack([scale * mix, np.full((3, 1), offset)])), np.uint8)
