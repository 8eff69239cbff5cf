"""Frames too large for one go: overlapping tiles, with the normalisation of the whole frame.

Instance normalisation uses statistics over the whole frame, so tiles stylized on their own would each have their own
contrast and meet in seams. Here the statistics of every normalisation are taken from the whole frame, scaled down to
the size of a tile, and are the same for all its tiles. A tile reaches beyond what is taken from it by more than the
network sees around a pixel, so tiles agree where they meet.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.video.runtimes.eager import Engine
from triptych.video.runtimes.sizes import STEP

Frame = NDArray[Any]
_MOST = 64  # tiles either way


def measure_halo(blocks: int) -> int:
    """Give the pixels around one that decide about it: 4 a convolution at a quarter of the size, and the others."""
    return STEP * math.ceil((2 * STEP * blocks + 24) / STEP)


@dataclass(frozen=True)
class TilePlan:
    """Where the tiles of a frame are; all are of one size, as runtimes are made for one.

    Attributes:
        size: Height and width of a tile.
        rows: Where tiles start (top) and what is taken from them (from, to), in the frame.
        columns: The same from left to right.
    """

    size: tuple[int, int]
    rows: tuple[tuple[int, int, int], ...]
    columns: tuple[tuple[int, int, int], ...]


def plan_tiles(size: tuple[int, int], most: int, halo: int) -> TilePlan:
    """Plan the tiles that cost least.

    Args:
        size: Height and width of the frame, multiples of 4.
        most: Pixels a tile may have.
        halo: Pixels by which it reaches beyond what is taken from it.

    Raises:
        ValueError: If tiles as small are all halo.
    """
    best: tuple[int, int, int] | None = None
    for down, across in itertools.product(range(1, _MOST + 1), repeat=2):
        height, width = _tile_length(size[0], down, halo), _tile_length(size[1], across, halo)
        cost = down * across * height * width
        if height * width <= most and (best is None or cost < best[0]):
            best = (cost, down, across)
    if best is None:
        raise ValueError(f"max_tile_pixels is too small for frames of {size[1]}x{size[0]} pixels, got {most}")
    _, down, across = best
    tile = (_tile_length(size[0], down, halo), _tile_length(size[1], across, halo))
    return TilePlan(tile, _place(size[0], tile[0], down), _place(size[1], tile[1], across))


def _tile_length(length: int, count: int, halo: int) -> int:
    if count == 1:
        return length
    # One step more, as starts are rounded to steps.
    return min(length, STEP * math.ceil((length + (count - 1) * (2 * halo + STEP)) / count / STEP))


def _place(length: int, tile: int, count: int) -> tuple[tuple[int, int, int], ...]:
    starts = [STEP * ((length - tile) * number // max(count - 1, 1) // STEP) for number in range(count)]
    if count > 1:
        starts[-1] = length - tile
    cuts = [0, *((left + tile + right) // 2 for left, right in itertools.pairwise(starts)), length]
    return tuple((start, cuts[number], cuts[number + 1]) for number, start in enumerate(starts))


def reduced_size(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Give the largest size of the same shape, in multiples of 4, with at most so many pixels."""
    scale = min(1.0, math.sqrt(most / (size[0] * size[1])))
    height, width = (max(4 * STEP, STEP * math.floor(length * scale / STEP)) for length in size)
    return height, width


def reduce_frames(frames: Frame, size: tuple[int, int]) -> Frame:
    """Scale frames (N, H, W, 3) down to a height and width."""
    if frames.shape[1:3] == size:
        return frames
    reduced = [cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(reduced).astype(frames.dtype, copy=False)


def run_tiles(
    frames: Frame, plan: TilePlan, statistics: Engine, pixels: Engine, reduced: tuple[int, int], *shares: Frame
) -> Frame:
    """Stylize frames tile by tile.

    Args:
        frames: RGB, (N, H, W, 3), of the size the plan is for.
        plan: Where the tiles are.
        statistics: Gives those of reduced frames.
        pixels: Stylizes tiles by given statistics.
        reduced: Height and width of reduced frames.
        shares: Of each style in every frame, (N, styles), where there is more than one.
    """
    given = statistics(reduce_frames(frames, reduced), *shares)
    result = np.empty_like(frames)
    height, width = plan.size
    for (top, y0, y1), (left, x0, x1) in itertools.product(plan.rows, plan.columns):
        tile = np.ascontiguousarray(frames[:, top : top + height, left : left + width])
        styled = pixels(tile, *shares, *given)[0]
        result[:, y0:y1, x0:x1] = styled[:, y0 - top : y1 - top, x0 - left : x1 - left]
    return result
