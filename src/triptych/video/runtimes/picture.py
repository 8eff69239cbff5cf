"""One picture of any size through style networks that are loaded already, without a video around it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from triptych.video.network.transformer import TransformerNet
from triptych.video.params import StyleParams
from triptych.video.runtimes.eager import build_eager
from triptych.video.runtimes.painters import Painter, ScaledPainter, build_run
from triptych.video.runtimes.sizes import padded_size, scale_size

__all__ = ["paint_picture"]

Picture = NDArray[np.uint8]
_TILE_PIXELS = 2**22  # of more, a picture is painted in tiles


def paint_picture(
    picture: Picture, networks: Sequence[TransformerNet], shares: Sequence[float], style: StyleParams
) -> Picture:
    """Paint a picture, on the processor.

    Args:
        picture: RGB, (height, width, 3).
        networks: Those of the styles.
        shares: Of each style of each network; they add up to 1.
        style: `strength`, `scale`, `keep_colours`, `max_tile_pixels` of it.

    Returns:
        RGB of the same shape.
    """
    if style.strength == 0:
        return picture.copy()
    size = (picture.shape[0], picture.shape[1])
    painter = _make_painter(size, networks, style)
    given = [np.array([shares], np.float32)] if len(shares) > 1 else []
    painted = painter.paint(picture[None], *given)[0]
    return _recolour(painted, picture) if style.keep_colours else painted


def _make_painter(size: tuple[int, int], networks: Sequence[TransformerNet], style: StyleParams) -> Painter:
    seen = scale_size(size, style.scale)
    strength = style.strength if style.scale == 1 else 1.0
    most = style.max_tile_pixels or _TILE_PIXELS
    run = build_run(networks, strength, build_eager, padded_size(seen), 1, most, torch.get_num_threads())
    painter = Painter(seen, np.uint8, run)
    return painter if style.scale == 1 else ScaledPainter(painter, size, style.strength)


def _recolour(painted: Picture, picture: Picture) -> Picture:
    """Take light and dark of what was painted, colours of what it was painted from."""
    luma = cv2.cvtColor(painted, cv2.COLOR_RGB2YCrCb)[..., :1]
    chroma = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1:]
    return np.asarray(cv2.cvtColor(np.concatenate([luma, chroma], -1), cv2.COLOR_YCrCb2RGB), np.uint8)
