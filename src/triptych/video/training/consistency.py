"""What keeps a style from flickering: a picture that has moved a little is to be painted as before, only moved.

Frames of a video are their neighbours moved, with other noise, so a network is shown both in its training (Gupta et
al., "Characterizing and improving stability in neural style transfer", 2017), with movements made up instead of
videos: no flow is needed, and no time when it paints.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_TURN = 0.05  # radians, either way
_ZOOM = 0.05
_SHIFT = 0.1  # of half a side


class Movement:
    """A random small shift, turn and zoom.

    Args:
        rng: Draws it.
        size: Side of the pictures in pixels.
    """

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        turn, zoom = rng.uniform(-_TURN, _TURN), 1 + rng.uniform(-_ZOOM, _ZOOM)
        right, down = rng.uniform(-_SHIFT, _SHIFT, 2)
        cosine, sine = zoom * math.cos(turn), zoom * math.sin(turn)
        affine = torch.tensor([[[cosine, -sine, right], [sine, cosine, down]]], dtype=torch.float32)
        self._grid = functional.affine_grid(affine, [1, 1, size, size], align_corners=False)

    def apply(self, pictures: Tensor) -> Tensor:
        """Move pictures (N, C, S, S); what comes in from outside is a reflection."""
        return self._sample(pictures, "reflection")

    def compare(self, still: Tensor, moved: Tensor) -> Tensor:
        """Return the mean absolute difference between pictures (N, C, S, S), moved, and those of what had moved.

        Places that come in from outside do not count.
        """
        inside = self._sample(torch.ones_like(still[:, :1]), "zeros") > 0.999
        differences = (self._sample(still, "zeros") - moved).abs() * inside
        return differences.sum() / (inside.sum() * still.shape[1]).clamp_min(1)

    def _sample(self, pictures: Tensor, outside: str) -> Tensor:
        grid = self._grid.to(pictures.device).expand(len(pictures), -1, -1, -1)
        return functional.grid_sample(pictures, grid, padding_mode=outside, align_corners=False)
