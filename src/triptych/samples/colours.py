"""Colours, and pictures of one colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
