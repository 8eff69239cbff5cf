"""Outlines of packages, and how light falls on them; all of shape (height, width)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triptych.samples.canvas import Picture, as_picture, fill, fill_polygon, ramp
from triptych.samples.shelf_layout import Kind

# The right half of each outline from top to bottom: x from the middle, y, both in [0, 1].
_HALVES: dict[Kind, list[tuple[float, float]]] = {
    "bottle": [(0.34, 0), (0.34, 0.1), (0.3, 0.12), (0.3, 0.2), (0.55, 0.27), (0.88, 0.36), (0.94, 0.44), (0.94, 1)],
    "jar": [(0.8, 0), (0.8, 0.14), (0.7, 0.16), (0.94, 0.27), (0.96, 0.95), (0.9, 1)],
    "can": [(0.84, 0), (0.95, 0.08), (0.95, 0.93), (0.86, 1)],
    "carton": [(0.6, 0), (0.6, 0.06), (0.94, 0.2), (0.94, 1)],
    "bag": [(0.86, 0), (0.88, 0.07), (0.93, 0.2), (0.97, 0.5), (0.95, 0.8), (0.88, 0.94), (0.9, 1)],
}


def draw_outline(kind: Kind, width: int, height: int) -> Picture:
    """Draw the opacity of a package."""
    if kind not in _HALVES:
        return fill(1, height, width)[..., 0]
    half = np.array(_HALVES[kind])
    points = np.concatenate([half, (half * (-1, 1))[::-1]])
    return fill_polygon(points * (width / 2, height) + (width / 2, 0), width, height)


def draw_shade(kind: Kind, width: int, height: int) -> Picture:
    """Draw the light on a package, to be multiplied with its colours."""
    return _SHADES.get(kind, _flat)(width, height)


def _flat(width: int, height: int) -> Picture:
    shade = ramp(1.04, 0.9, height)[:, None] * np.ones((1, width), dtype=np.float32)
    edge = max(1, width // 40)
    shade[:, :edge] *= 0.75
    shade[:, -edge:] *= 0.75
    shade[:edge] *= 1.1
    shade[-edge:] *= 0.7
    return shade


def _round(width: int, height: int) -> Picture:
    x = np.linspace(-1, 1, width)
    across = 0.45 + 0.6 * np.sqrt(1 - x**2) + 0.35 * np.exp(-(((x + 0.4) / 0.12) ** 2))
    return as_picture(np.repeat(across[None, :], height, axis=0))


def _crumpled(width: int, height: int) -> Picture:
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(-1, 1, width)
    folds = 0.12 * np.sin(9 * x + 5 * y) * np.sin(13 * y - 3 * x) + 0.25 * np.exp(-(((x + 0.3 - 0.3 * y) / 0.16) ** 2))
    seams = np.where((y < 0.07) | (y > 0.94), 0.8, 1.0)
    return as_picture((0.95 - 0.3 * x**4 + folds) * seams)


_SHADES: dict[Kind, Callable[[int, int], Picture]] = {"bottle": _round, "jar": _round, "can": _round, "bag": _crumpled}
