"""Pictures of packages: the front of a box, bottle, jar, can, bag or carton, with a label."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triptych.samples.canvas import Colour, Picture, as_picture, fill, write
from triptych.samples.masks import draw_outline, draw_shade
from triptych.samples.shelf_layout import Kind

NAMES = (
    *("Oats", "Soap", "Tea", "Rice", "Milk", "Nuts", "Corn"),
    *("Salt", "Beans", "Juice", "Mint", "Plum", "Honey", "Cocoa"),
)


@dataclass(frozen=True)
class Look:
    """Colours and label of a product."""

    body: Colour
    """Main colour."""
    accent: Colour
    """Colour of bands and caps."""
    ink: Colour
    """Colour of the writing."""
    name: str
    """What is written on it."""
    design: int
    """Which arrangement the label has."""
    seed: int
    """Seed of the small print."""


def draw_look(seed: int) -> Look:
    """Draw colours and label of a product, always the same ones for a seed."""
    rng = np.random.default_rng(seed)
    # Packages are mostly red, yellow or blue, less often green or purple, and many are white.
    hue = float(rng.choice([0.0, 0.05, 0.12, 0.35, 0.58, 0.64, 0.8], p=[0.22, 0.1, 0.18, 0.15, 0.15, 0.14, 0.06]))
    hue = float(hue + rng.normal(0, 0.02)) % 1
    body = colorsys.hsv_to_rgb(hue, rng.uniform(0.45, 0.88), rng.uniform(0.5, 0.92))
    if rng.random() < 0.25:
        light = rng.uniform(0.8, 0.95)
        body = (light, light * 0.98, light * 0.94)
    other = float(hue + rng.choice([0.08, 0.45, 0.55, 0.9])) % 1
    accent = colorsys.hsv_to_rgb(other, rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.95))
    lightness = float(np.dot(body, (0.3, 0.59, 0.11)))
    ink = (0.97, 0.97, 0.95) if lightness < 0.6 else (0.1, 0.1, 0.16)
    return Look(body, accent, ink, str(rng.choice(NAMES)), int(rng.integers(len(_LABELS))), seed)


def draw_front(kind: Kind, look: Look, width: int, height: int) -> Picture:
    """Draw the front of one package.

    Returns:
        RGB and opacity, shape (height, width, 4).
    """
    picture = fill((*look.body, 1.0), height, width)
    _LABELS[look.design](picture, look)
    _print_small(picture, look)
    if kind in ("bottle", "jar"):
        _band(picture, look.accent, 0, 0.13)
    if kind == "can":
        _band(picture, (0.75, 0.75, 0.75), 0, 0.06)
        _band(picture, (0.75, 0.75, 0.75), 0.94, 1)
    picture[..., :3] *= draw_shade(kind, width, height)[..., None]
    picture[..., 3] = draw_outline(kind, width, height)
    return np.clip(picture, 0, 1)


def _band(picture: Picture, colour: Colour, top: float, bottom: float) -> None:
    height = len(picture)
    picture[round(top * height) : max(round(bottom * height), round(top * height) + 1), :, :3] = colour


def _name(picture: Picture, look: Look, top: float, bottom: float, ink: Colour | None = None) -> None:
    height, width = picture.shape[:2]
    write(picture, look.name, ink or look.ink, (0.08 * width, top * height, 0.92 * width, bottom * height))


def _print_small(picture: Picture, look: Look) -> None:
    rng = np.random.default_rng(look.seed + 1)
    height, width = picture.shape[:2]
    for line in range(3):
        top = round((0.87 + 0.04 * line) * height)
        right = round(rng.uniform(0.4, 0.85) * width)
        picture[top : top + max(1, height // 60), round(0.15 * width) : right, :3] *= 0.55


def _banded(picture: Picture, look: Look) -> None:
    _band(picture, look.accent, 0.52, 0.72)
    _name(picture, look, 0.3, 0.48)


def _framed(picture: Picture, look: Look) -> None:
    _band(picture, (0.96, 0.95, 0.9), 0.4, 0.85)
    _name(picture, look, 0.45, 0.62, ink=(0.15, 0.12, 0.2))
    _band(picture, look.accent, 0.7, 0.76)


def _fruity(picture: Picture, look: Look) -> None:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width] + 0.5
    radius = 0.36 * min(width, 0.8 * height)
    from_middle = np.hypot(x - width / 2, y - 0.62 * height)
    from_highlight = np.hypot(x - width / 2 + 0.35 * radius, y - 0.62 * height + 0.35 * radius)
    light = np.clip(1.3 - 0.55 * from_highlight / radius, 0, 1.3)
    ball = as_picture(look.accent) * as_picture(light)[..., None]
    picture[..., :3] = np.where((from_middle < radius)[..., None], ball, picture[..., :3])
    _name(picture, look, 0.22, 0.4)


def _striped(picture: Picture, look: Look) -> None:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    picture[((x + y) // max(2, width // 6)) % 2 == 0, :3] = look.accent
    _band(picture, look.body, 0.38, 0.66)
    _name(picture, look, 0.42, 0.62)


def _split(picture: Picture, look: Look) -> None:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    picture[y > (0.72 - 0.25 * x / width) * height, :3] = look.accent
    _name(picture, look, 0.28, 0.46)


_LABELS: tuple[Callable[[Picture, Look], None], ...] = (_banded, _framed, _fruity, _striped, _split)
