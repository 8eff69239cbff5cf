"""What gets between camera and shelf: a shopper, a basket, a hanging sign."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from triptych.samples.canvas import Colour, Picture, as_picture, fill_polygon, write

# Half outlines of a shopper's parts from the top, in heights of a head from the bottom of the head.
_BODY = [(0.28, 0.0), (0.8, 0.25), (0.95, 0.6), (1.06, 2.2), (1.04, 8.0)]
_NECK = [(0.22, -0.35), (0.26, 0.2)]
_SLEEVE = np.array([(0.66, 0.9), (0.72, 0.9), (0.8, 2.6), (0.74, 2.6)])


def draw_obstacles(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Draw at most one obstacle; most photos have none.

    Returns:
        RGB and opacity, shape (height, width, 4).
    """
    layer = np.zeros((height, width, 4), dtype=np.float32)
    kind = rng.random()
    if kind < 0.1:
        _add_shopper(layer, rng)
    elif kind < 0.18:
        _add_basket(layer, rng)
    elif kind < 0.28:
        _add_sign(layer, rng)
    return layer


def lay_over(picture: Picture, layer: Picture) -> None:
    """Lay an obstacle over a picture, shape (height, width, 3), in place."""
    picture += (layer[..., :3] - picture) * layer[..., 3:]


def _add(layer: Picture, points: ArrayLike, colour: Colour) -> None:
    height, width = layer.shape[:2]
    opacity = fill_polygon(points, width, height)
    layer[..., :3] += (as_picture(colour) - layer[..., :3]) * opacity[..., None]
    layer[..., 3] = np.maximum(layer[..., 3], opacity)


def _add_rectangle(layer: Picture, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    _add(layer, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def _mirror(half: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [*half, *((-x, y) for x, y in reversed(half))]


def _add_shopper(layer: Picture, rng: np.random.Generator) -> None:
    """Add somebody seen from behind, out of focus."""
    height, width = layer.shape[:2]
    head = height * rng.uniform(0.14, 0.2)
    x = width * rng.choice([rng.uniform(-0.02, 0.2), rng.uniform(0.8, 1.02)])
    place = np.array([x, height * rng.uniform(0.1, 0.4) + head])
    coat = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.7))
    hair = (0.2 + 0.3 * float(rng.random()), 0.17, 0.12)
    _add(layer, place + head * np.array(_mirror(_NECK)), (0.78, 0.58, 0.46))
    _add(layer, place + head * np.array(_mirror(_BODY)), coat)
    for side in (-1, 1):
        _add(layer, place + head * _SLEEVE * (side, 1), (coat[0] * 0.6, coat[1] * 0.6, coat[2] * 0.6))
    angle = np.linspace(0, 2 * np.pi, 48)
    _add(layer, place + head * np.stack([0.36 * np.cos(angle), 0.5 * np.sin(angle) - 0.5], axis=1), hair)
    solid = cv2.GaussianBlur(layer[..., 3], (0, 0), 0.35 * head)
    layer[..., :3] *= np.clip(0.35 + 0.75 * solid, 0, 1)[..., None]  # darker towards the outline, as round things are
    layer[..., :3] *= layer[..., 3:]
    layer[:] = cv2.GaussianBlur(layer, (0, 0), height / 210)
    layer[..., :3] /= np.maximum(layer[..., 3:], 1e-3)


def _add_basket(layer: Picture, rng: np.random.Generator) -> None:
    """Add a plastic basket at the lower edge."""
    height, width = layer.shape[:2]
    left, span = width * rng.uniform(-0.1, 0.7), width * rng.uniform(0.26, 0.4)
    top, bottom = height * rng.uniform(0.72, 0.84), height * 1.1
    colour = colorsys.hsv_to_rgb(rng.choice([0.0, 0.33, 0.6, 0.08]), 0.75, rng.uniform(0.5, 0.75))
    inset = 0.06 * span
    _add(layer, [(left, top), (left + span, top), (left + span - inset, bottom), (left + inset, bottom)], colour)
    for i in range(1, 9):
        x, half, slot = left + span * i / 9, span / 45, top + 0.06 * height
        _add_rectangle(layer, x - half, slot, x + half, bottom, (colour[0] * 0.55, colour[1] * 0.55, colour[2] * 0.55))
    rim = 0.022 * height
    _add_rectangle(layer, left - rim, top - rim, left + span + rim, top + rim, (0.85, 0.85, 0.84))


def _add_sign(layer: Picture, rng: np.random.Generator) -> None:
    """Add a sign that hangs from above."""
    height, width = layer.shape[:2]
    span, drop = width * rng.uniform(0.14, 0.24), height * rng.uniform(0.12, 0.2)
    left, top = width * rng.uniform(0.02, 0.8), height * rng.uniform(0.0, 0.14)
    thread = max(0.6, height / 300)
    for x in (left + 0.12 * span, left + 0.88 * span):
        _add_rectangle(layer, x - thread, 0, x + thread, top, (0.5, 0.5, 0.5))
    colour = [(0.85, 0.12, 0.12), (0.98, 0.82, 0.1), (0.1, 0.4, 0.75)][int(rng.integers(3))]
    _add_rectangle(layer, left, top, left + span, top + drop, colour)
    ink = (0.1, 0.1, 0.1) if colour[1] > 0.5 else (0.98, 0.98, 0.95)
    area = (left + 0.1 * span, top + 0.22 * drop, left + 0.9 * span, top + 0.78 * drop)
    write(layer, str(rng.choice(["SALE", "-20%", "2 FOR 1", "NEW", "-30%"])), ink, area)
