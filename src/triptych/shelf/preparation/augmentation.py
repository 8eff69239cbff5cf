"""Variations of training photos: mirrored, scaled, turned, in other colours, with boxes and masks that follow.

Positions are in pixels from the upper left corner of the photo, so that pixel 0 reaches from 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.shelf.params import AugmentationParams

_LUMA = np.array([0.299, 0.587, 0.114])
_CORNERS = ([0, 0, 2, 2], [1, 3, 1, 3])  # x and y of a box's corners
_LEAST_JPEG_QUALITY = 30
_QUALITIES = 65  # above it


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
        rotation: Degrees, clockwise.
        tilt: By which share of its length each edge differs from the middle, across and down: perspective.
        blur: Deviation of a Gaussian in pixels; 0: none.
        jpeg_quality: Of a JPEG file made of it; 0: none is made.
    """

    flip: bool = False
    scale: float = 1.0
    shift: tuple[float, float] = (0.5, 0.5)
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    rotation: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.0
    jpeg_quality: int = 0


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a photo come to lie.

    Attributes:
        matrix: 3 x 3, of homogeneous coordinates (Hartley and Zisserman: Multiple View Geometry, 2.3).
        size: Height and width of what they come to lie on.
    """

    matrix: NDArray[np.float64]
    size: tuple[int, int]

    def cut(self, x: int, y: int, size: tuple[int, int]) -> Placement:
        """Take a part of the area: from a pixel on, of a height and width."""
        return replace(self, matrix=_move(-x, -y) @ self.matrix, size=size)

    def spread_boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes (N x 4: left, top, right, bottom), also to beyond the area: to what their corners span."""
        x, y = (boxes[:, corner].astype(np.float64) for corner in _CORNERS)
        across, down, depth = (row[0] * x + row[1] * y + row[2] for row in self.matrix)
        across, down = across / depth, down / depth
        sides = [across.min(axis=1), down.min(axis=1), across.max(axis=1), down.max(axis=1)]
        return np.stack(sides, axis=1).astype(np.float32)

    def move_boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes (N x 4: left, top, right, bottom) and cut them at the edges."""
        height, width = self.size
        return self.spread_boxes(boxes).clip(0, np.array([width, height, width, height], np.float32))

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
        shrunk, factors = _shrink(pixels, self.matrix)
        # OpenCV counts from the centre of the first pixel.
        start = _move(x, y) @ np.diag([*factors, 1.0]) @ _move(0.5, 0.5)
        matrix = _move(-0.5, -0.5) @ self.matrix @ start
        if shrunk.shape[:2] == self.size and np.array_equal(matrix, np.eye(3)):
            return shrunk
        border: Any = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_CONSTANT, "borderValue": fill}
        if np.array_equal(matrix[2], [0, 0, 1]):
            return np.asarray(cv2.warpAffine(shrunk, matrix[:2], (width, height), **border), np.uint8)
        return np.asarray(cv2.warpPerspective(shrunk, matrix, (width, height), **border), np.uint8)


def _shrink(pixels: NDArray[np.uint8], matrix: NDArray[np.float64]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Average pixels where two or more of them come to lie on one, as interpolation would leave some out.

    Returns:
        The pixels, and how many of the old ones a new one is long, across and down.
    """
    parts = [max(1, math.floor(1 / float(np.hypot(*matrix[:2, axis])) + 1e-9)) for axis in (0, 1)]
    if parts == [1, 1]:
        return pixels, (1.0, 1.0)
    height, width = pixels.shape[:2]
    size = (max(1, width // parts[0]), max(1, height // parts[1]))
    shrunk = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return shrunk, (width / size[0], height / size[1])


def _move(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def draw_variation(rng: np.random.Generator, params: AugmentationParams) -> Variation:
    """Draw a variation; always as many numbers, so that one parameter does not change what others draw."""
    chance, scale, across, down, *colours, turn, tilt_x, tilt_y, blurs, blur, files, quality = rng.random(14)
    low, high = params.scale
    brightness, contrast, saturation = (1 + params.colour * (2 * value - 1) for value in colours)
    return Variation(
        flip=bool(chance < params.flip),
        scale=low * (high / low) ** scale,
        shift=(across, down),
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        rotation=params.rotation_deg * (2 * turn - 1),
        tilt=(params.perspective * (2 * tilt_x - 1), params.perspective * (2 * tilt_y - 1)),
        blur=params.blur_px * blur if blurs < params.degrade else 0.0,
        jpeg_quality=_LEAST_JPEG_QUALITY + int(_QUALITIES * quality) if files < params.degrade else 0,
    )


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
    mirror = -1.0 if variation.flip else 1.0
    scales = np.diag([mirror * scaled_width / width, scaled_height / height, 1.0])
    matrix = _move(left + (scaled_width if variation.flip else 0.0), top) @ scales
    if variation.rotation or variation.tilt != (0.0, 0.0):
        middle = left + scaled_width / 2, top + scaled_height / 2
        matrix = _move(*middle) @ _turn(variation, scaled_width, scaled_height) @ _move(-middle[0], -middle[1]) @ matrix
    return Placement(matrix, target)


def _turn(variation: Variation, width: float, height: float) -> NDArray[np.float64]:
    """Rotate about the origin, then tilt: edges left and right, above and below become shorter and longer."""
    angle = math.radians(variation.rotation)
    cosine, sine = math.cos(angle), math.sin(angle)
    rotated = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    across, down = variation.tilt
    tilted = np.array([[1, 0, 0], [0, 1, 0], [2 * across / width, 2 * down / height, 1]])
    return np.asarray(tilted @ rotated)


def change_pixels(image: NDArray[np.uint8], variation: Variation) -> NDArray[np.uint8]:
    """Change colours, blur, and leave the traces of a JPEG file, in this order.

    Args:
        image: RGB, H x W x 3.
        variation: By how much.
    """
    image = change_colours(image, variation)
    if variation.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), variation.blur), np.uint8)
    if variation.jpeg_quality:
        # Which channel is red makes no difference worth a copy: JPEG is made of luma and two differences.
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, variation.jpeg_quality])
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return image


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
