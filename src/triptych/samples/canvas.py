"""A picture that surfaces in the world are painted on."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from triptych.samples.cameras import Camera

_MOST_PX = 4000


@dataclass
class Canvas:
    """What a camera sees so far."""

    camera: Camera
    """The camera; it gives the size."""
    picture: Picture = field(init=False)
    """RGB, shape (height, width, 3)."""
    window: Picture | None = None
    """Opacity of whatever is painted, shape (height, width); None: paint everywhere."""

    def __post_init__(self) -> None:
        self.picture = fill((0, 0, 0), self.camera.height, self.camera.width)

    def paint(self, corners: ArrayLike, texture: Picture) -> None:
        """Paint a flat texture.

        Args:
            corners: Its corners in the world, from the top left clockwise, shape (4, 3).
            texture: RGB, or RGB and opacity, shape (h, w, 3 or 4).
        """
        target = self.camera.project(corners)
        left, top = np.maximum(np.floor(target.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(target.max(axis=0)).astype(int), (self.camera.width, self.camera.height))
        if right <= left or bottom <= top:
            return
        size = (int(right - left), int(bottom - top))
        opacity = cover_quad(target - (left, top), *size)
        layers = _warp(texture, target - (left, top), *size)
        if texture.shape[2] == 4:
            opacity = opacity * layers[..., 3]
        if self.window is not None:
            opacity = opacity * self.window[top:bottom, left:right]
        under = self.picture[top:bottom, left:right]
        under += (layers[..., :3] - under) * opacity[..., None]

    def length(self, start: ArrayLike, end: ArrayLike) -> int:
        """Distance in pixels between two world points, at least 2."""
        a, b = self.camera.project(np.array([start, end]))
        return max(2, min(_MOST_PX, round(float(np.linalg.norm(a - b)))))


def _warp(texture: Picture, target: NDArray[np.float64], width: int, height: int) -> Picture:
    """Warp a texture onto four corners in pixels, shape (4, 2)."""
    h, w = texture.shape[:2]
    # Pixel centres lie at half numbers in the world's pixels, at whole ones in OpenCV's.
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]]) - 0.5
    transform = cv2.getPerspectiveTransform(source.astype(np.float32), (target - 0.5).astype(np.float32))
    if not np.isfinite(transform).all():
        return np.zeros((height, width, texture.shape[2]), dtype=np.float32)
    smooth, repeat = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return as_picture(cv2.warpPerspective(texture, transform, (width, height), flags=smooth, borderMode=repeat))


def cover_quad(corners: NDArray[np.float64], width: int, height: int) -> Picture:
    """Compute how much of each pixel a convex quadrilateral covers, to about a tenth.

    Args:
        corners: Corners in pixels, in order, shape (4, 2); pixel (0, 0) covers [0, 1) x [0, 1).
        width: Pixels across.
        height: Pixels down.

    Returns:
        Coverage, shape (height, width).
    """
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    following = np.roll(corners, -1, axis=0)
    clockwise = float(np.sum(corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]))
    covered = np.ones((height, width))
    for (ax, ay), (bx, by) in zip(corners, following, strict=True):
        length = np.hypot(bx - ax, by - ay)
        if length > 0:
            inside = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length * np.sign(clockwise)
            covered *= np.clip(inside + 0.5, 0, 1)
    return as_picture(covered if clockwise else 0 * covered)


def fill_polygon(points: ArrayLike, width: int, height: int) -> Picture:
    """Fill any polygon, its edges smoothed and half a pixel wider.

    Args:
        points: Corners in pixels, shape (n, 2).
        width: Pixels across.
        height: Pixels down.

    Returns:
        Coverage, shape (height, width).
    """
    canvas = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.round((np.asarray(points) - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return as_picture(canvas / 255)


def write(picture: Picture, text: str, colour: ArrayLike, area: tuple[float, float, float, float]) -> None:
    """Write a word in the middle of an area of a picture, as large as it fits, in place.

    Args:
        picture: RGB, or RGB and opacity, which stays as it is.
        text: The word.
        colour: RGB.
        area: Left, top, right and bottom in pixels.
    """
    left, top, right, bottom = area
    font = cv2.FONT_HERSHEY_DUPLEX
    (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min((right - left) / width, (bottom - top) / height)
    at = (round((left + right - width * scale) / 2), round((top + bottom + height * scale) / 2))
    layer = np.zeros(picture.shape[:2], dtype=np.uint8)
    cv2.putText(layer, text, at, font, scale, 255, max(1, round(scale * 3)), cv2.LINE_AA)
    picture[..., :3] += (as_picture(colour) - picture[..., :3]) * (layer.astype(np.float32) / 255)[..., None]


Picture = NDArray[np.float32]
"""Values in [0, 1], shape (height, width) or (height, width, channels): RGB, or RGB and opacity."""
Colour = tuple[float, float, float]
"""RGB in [0, 1]."""


def as_picture(values: ArrayLike) -> Picture:
    """Turn values into single precision, the type of all pictures."""
    return np.asarray(values, dtype=np.float32)


def fill(colour: ArrayLike, height: int, width: int) -> Picture:
    """Make a picture of one colour."""
    return np.broadcast_to(as_picture(colour), (height, width, np.size(colour))).copy()


def ramp(first: float, last: float, length: int) -> Picture:
    """Make a gradient, shape (length,)."""
    return as_picture(np.linspace(first, last, length))


def expose(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make a photo of a perfect picture: uneven light, vignette, tint, blur, noise.

    Args:
        picture: RGB in [0, 1], shape (height, width, 3).
        rng: Source of chance.

    Returns:
        RGB, shape (height, width, 3).
    """
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    light = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y)
    light *= 1 - rng.uniform(0, 0.22) * (x**2 + y**2) / 2
    tint = 1 + rng.normal(0, 0.035, 3)
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.75, 1.0)
    photo = picture * light[..., None] * tint * rng.uniform(0.85, 1.12)
    photo = np.clip(photo, 0, 1) ** rng.uniform(0.82, 1.12)
    # Blur is measured in pixels of a photo of 384 x 256, so that larger photos look alike.
    sigma = rng.choice([rng.uniform(0.2, 0.45), rng.uniform(0.45, 0.85)]) * height / 256
    photo = as_picture(cv2.GaussianBlur(as_picture(photo), (0, 0), float(sigma)))
    grain = rng.normal(0, rng.uniform(0.003, 0.012), photo.shape)
    return np.asarray(np.round(np.clip(photo + grain, 0, 1) * 255), dtype=np.uint8)
