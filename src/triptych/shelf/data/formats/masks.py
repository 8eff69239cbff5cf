"""Shapes that COCO has no words for, in its words: crops of masks, ellipses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.shelf.data.photo_files import Size

_ELLIPSE_POINTS = 64


def encode_crop(pixels: NDArray[np.bool_], left: int, top: int, size: Size) -> dict[str, Any]:
    """Write a mask that covers a part of its photo as plain run lengths of the whole, column by column.

    Nothing as large as the photo is made, which may be any size that a file claims.

    Args:
        pixels: The part, height x width.
        left: Column of the photo at which it begins; it may reach beyond the photo on any side.
        top: Row of the photo.
        size: Of the photo.

    Returns:
        `size` and `counts`, as COCO's.
    """
    pixels = pixels[max(-top, 0) : max(size.height - top, 0), max(-left, 0) : max(size.width - left, 0)]
    left, top = max(left, 0), max(top, 0)
    change = np.diff(np.pad(pixels, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    columns, rows = np.nonzero(change)
    # A run begins, ends, begins ...; one that ends where the next begins goes on over the edge between two columns.
    edges = (left + columns.astype(np.int64)) * size.height + top + rows
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    edges = np.delete(edges, np.concatenate([joined, joined + 1]))
    counts = np.diff(np.concatenate([[0], edges, [size.width * size.height]]))
    return {"size": [size.height, size.width], "counts": counts.tolist()}


def draw_ellipse(x: float, y: float, x_radius: float, y_radius: float) -> list[float]:
    """Write an ellipse as a polygon of 64 points, x1, y1, x2, y2 ..."""
    angles = [2 * math.pi * index / _ELLIPSE_POINTS for index in range(_ELLIPSE_POINTS)]
    points = ((x + x_radius * math.cos(angle), y + y_radius * math.sin(angle)) for angle in angles)
    return [value for point in points for value in point]


def rotate_points(points: list[float], x: float, y: float, degrees: float) -> list[float]:
    """Turn a polygon about a point, clockwise as seen on the photo."""
    turn = math.radians(degrees)
    across, down = np.array(points[::2]) - x, np.array(points[1::2]) - y
    turned = [
        x + across * math.cos(turn) - down * math.sin(turn),
        y + across * math.sin(turn) + down * math.cos(turn),
    ]
    return [float(value) for value in np.stack(turned, axis=1).ravel()]
