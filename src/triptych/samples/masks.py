"""Masks of gaps, and the boxes and polygons that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.samples.cameras import Camera
from triptych.samples.canvas import Picture, as_picture, cover_quad, fill, fill_polygon, ramp
from triptych.samples.shelf_layout import Gap, Kind, Shelf

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


Mask = NDArray[np.bool_]
MIN_SIDE_PX = 18
"""Smallest side of a gap's box on a photo 256 pixels high; proportionally more on larger ones."""
MIN_VISIBLE = 0.5
"""Least share of a gap that must be in the photo and not covered."""

MAX_FLANK = 0.65
"""Largest share of a gap's width behind which its neighbour's flank, and not the back wall, is seen."""


@dataclass(frozen=True)
class Instance:
    """An annotated gap."""

    mask: Mask
    """Its visible part, shape (height, width)."""
    box: tuple[int, int, int, int]
    """Left, top, right and bottom edge in pixels; right and bottom lie behind the last pixel."""
    polygon: list[float]
    """x, y, x, y ... of the outline in pixels; pixel (0, 0) covers [0, 1) x [0, 1)."""


def draw_mask(camera: Camera, shelf: Shelf, gap: Gap, covered: Picture, oversampling: int) -> Mask | None:
    """Draw the visible part of a gap: its opening in the plane of the shelf's front, less what stands before it.

    Args:
        camera: The camera, with pixels `oversampling` times as fine as the photo's.
        shelf: The shelf.
        gap: One of its gaps.
        covered: Opacity of the obstacles, shape (camera.height, camera.width).
        oversampling: How much finer.

    Returns:
        The mask in the photo's pixels; None if too little is visible, or not in one piece.
    """
    cell = shelf.cells[gap.cell]
    left, right = cell.facings[gap.first].left, cell.facings[gap.last].right
    corners = camera.project(
        [(left, cell.ceiling, 0), (right, cell.ceiling, 0), (right, cell.floor, 0), (left, cell.floor, 0)]
    )
    size = (camera.width // oversampling, camera.height // oversampling)
    fine = cover_quad(corners, camera.width, camera.height) * (covered < 0.5)
    mask: Mask = cv2.resize(fine, size, interpolation=cv2.INTER_AREA) >= 0.5
    mask = _largest_piece(mask)
    whole = cv2.contourArea(corners.astype(np.float32)) / oversampling**2
    return mask if _is_clear(mask, fine, whole, oversampling) else None


def is_open(camera: Camera, shelf: Shelf, gap: Gap) -> bool:
    """Tell whether one can look into a gap: from the side, a narrow one shows little but its neighbour's flank."""
    cell = shelf.cells[gap.cell]
    left, right = cell.facings[gap.first].left, cell.facings[gap.last].right
    x, _, z = camera.position
    return bool(abs((left + right) / 2 - x) / -z * shelf.depth <= MAX_FLANK * (right - left))


def is_in_sight(camera: Camera, shelf: Shelf, gap: Gap) -> bool:
    """Tell whether any part of a gap may be in the photo."""
    cell = shelf.cells[gap.cell]
    left, right = cell.facings[gap.first].left, cell.facings[gap.last].right
    corners = camera.project([(x, y, 0) for x in (left, right) for y in (cell.ceiling, cell.floor)])
    return bool((corners.max(axis=0) > 0).all() and (corners.min(axis=0) < (camera.width, camera.height)).all())


def describe(mask: Mask) -> Instance:
    """Derive box and polygon from a mask in one piece without holes."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1)
    return Instance(mask, box, trace_polygon(mask))


def trace_polygon(mask: Mask, tolerance_px: float = 0.6) -> list[float]:
    """Trace the outline of a mask along the edges of its pixels, then drop corners that hardly matter."""
    fine = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0).repeat(4, 0).repeat(4, 1)
    contours, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(contours, key=cv2.contourArea)
    points = cv2.approxPolyDP(outline, 4 * tolerance_px, True)[:, 0, :]
    limits = (mask.shape[1], mask.shape[0])
    return [float(v) for v in np.clip((points + 0.5) / 4 - 1, 0, limits).round(2).ravel()]


def _largest_piece(mask: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), dtype=np.bool_)


def _is_clear(mask: Mask, fine: Picture, whole: float, oversampling: int) -> bool:
    """Tell whether enough of a gap is visible, in one piece without holes, to be annotated without doubt."""
    area = int(mask.sum())
    visible = float(fine.sum()) / oversampling**2
    if area == 0 or area < MIN_VISIBLE * whole or area < 0.92 * visible:
        return False
    least = MIN_SIDE_PX * max(1.0, mask.shape[0] / 256)
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if min(np.ptp(ys), np.ptp(xs)) + 1 < least:
        return False
    outside = cv2.copyMakeBorder((~mask).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    return bool(cv2.connectedComponents(outside, connectivity=8)[0] == 2)
