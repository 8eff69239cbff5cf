"""Turn photos, boxes and masks from how a camera stored them to how they are seen.

Exif's Orientation says how: any of its eight values swaps the axes or not, and then mirrors each or not.
Frames are continuous: a photo of w x h pixels spans 0..w and 0..h.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Pixels = TypeVar("Pixels", bound=NDArray[Any])


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Turn(NamedTuple):
    """How to turn: swap the axes, then mirror left and right, then top and bottom."""

    swap: bool
    mirror_x: bool
    mirror_y: bool

    def turn_size(self, size: Size) -> Size:
        """Return the size after the turn."""
        return Size(size.height, size.width) if self.swap else size

    def turn_pixels(self, pixels: Pixels) -> Pixels:
        """Turn pixels, shape (height, width, ...)."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        if self.mirror_x:
            pixels = pixels[:, ::-1]  # type: ignore[assignment]
        return pixels[::-1] if self.mirror_y else pixels  # type: ignore[return-value]

    def turn_points(self, points: NDArray[np.float64], size: Size) -> NDArray[np.float64]:
        """Turn points.

        Args:
            points: x and y, shape (n, 2).
            size: Size of the photo before the turn.
        """
        turned = points[:, ::-1].copy() if self.swap else points.copy()
        width, height = self.turn_size(size)
        if self.mirror_x:
            turned[:, 0] = width - turned[:, 0]
        if self.mirror_y:
            turned[:, 1] = height - turned[:, 1]
        return turned


UPRIGHT = Turn(False, False, False)

_TURNS = {
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}


def turn_of(orientation: object) -> Turn:
    """Look up the turn that makes a photo upright.

    Args:
        orientation: Exif's Orientation (tag 274), 1 to 8; anything else counts as 1, upright.
    """
    return _TURNS.get(orientation, UPRIGHT) if isinstance(orientation, int) else UPRIGHT
