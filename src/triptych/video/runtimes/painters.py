"""Painters: frames of RGB in, styled frames of exactly the same size out, whatever runs the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.video.network.pixels import PixelNetwork, StatisticsNetwork
from triptych.video.network.transformer import TransformerNet
from triptych.video.runtimes.eager import Build, Engine
from triptych.video.runtimes.sizes import pad_length
from triptych.video.runtimes.tiles import measure_halo, plan_tiles, reduced_size, run_tiles

__all__ = [
    "Painter",
    "ScaledPainter",
    "Shares",
    "build_run",
    "in_fixed_batches",
    "make_examples",
    "make_shares",
]

Frames = NDArray[Any]
"""uint8, or float32 of 0 to 255 where nothing is to be rounded; (N, H, W, 3)."""
Shares = NDArray[np.float32]
"""Of each style of each network in every frame, (N, styles); they add up to 1."""


class Painter:
    """Runs a network over frames of one size.

    Args:
        size: Height and width of the frames.
        dtype: uint8 or float32.
        run: Stylizes frames of the padded size.
    """

    def __init__(self, size: tuple[int, int], dtype: Any, run: Engine) -> None:
        self.size, self.dtype, self._run = (size[0], size[1]), np.dtype(dtype), run

    def paint(self, frames: Frames, *shares: Shares) -> Frames:
        """Stylize frames.

        Args:
            frames: RGB, (N, H, W, 3), any N, H and W as said.
            shares: Where there is more than one style, those of each in every frame, (N, styles).

        Raises:
            ValueError: If the frames are of another size or type.
        """
        self._check(frames)
        height, width = self.size
        bottom, right = pad_length(height), pad_length(width)
        padded = frames
        if bottom + right:
            padded = np.pad(frames, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
        return np.ascontiguousarray(self._run(padded, *shares)[0][:, :height, :width])

    def _check(self, frames: Frames) -> None:
        height, width = self.size
        if frames.dtype != self.dtype or frames.ndim != 4 or frames.shape[1:] != (height, width, 3):
            raise ValueError(
                f"frames must be {self.dtype} of (N, {height}, {width}, 3), got {frames.dtype} {frames.shape}"
            )


class ScaledPainter(Painter):
    """Lets a network see frames in another size, and scales its pictures back again.

    Args:
        inner: Runs it over frames of that size, with full strength.
        size: Height and width of the frames.
        strength: 0 to 1; what is below mixes in the frame as it was, in its own size.
    """

    def __init__(self, inner: Painter, size: tuple[int, int], strength: float) -> None:
        super().__init__(size, inner.dtype, lambda frames, *_: [frames])
        self._inner, self._strength = inner, strength

    def paint(self, frames: Frames, *shares: Shares) -> Frames:
        """Stylize frames; see `Painter.paint`."""
        self._check(frames)
        scaled = np.stack([self._scale(frame, self._inner.size) for frame in frames])
        styled = self._inner.paint(scaled, *shares)
        return np.stack([self._mix(picture, frame) for picture, frame in zip(styled, frames, strict=True)])

    def _mix(self, picture: Frames, frame: Frames) -> Frames:
        back = self._scale(picture, self.size)
        if self._strength == 1:
            return back
        return np.asarray(cv2.addWeighted(back, self._strength, frame, 1 - self._strength, 0), self.dtype)

    def _scale(self, picture: Frames, size: tuple[int, int]) -> Frames:
        method = cv2.INTER_AREA if size[0] * size[1] < picture.shape[0] * picture.shape[1] else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(picture, size[::-1], interpolation=method), self.dtype)


def build_run(
    networks: Sequence[TransformerNet],
    strength: float,
    build: Build,
    size: tuple[int, int],
    batch_size: int,
    max_pixels: int,
    threads: int,
    fast: bool = True,
    dtype: Any = np.uint8,
) -> Engine:
    """Build what stylizes frames of a padded size, in tiles where it is too large.

    Args:
        networks: The styles; the engine is given shares after the frames where there is more than one.
        strength: 0 to 1.
        build: Makes an engine of a module.
        size: Height and width, multiples of 4 from 16 on.
        batch_size: Frames the engine is made for.
        max_pixels: Frames with more are stylized in tiles.
        threads: Threads on the CPU.
        fast: Whether to rearrange the networks for speed; tiles are always.
        dtype: Of the frames, uint8 or float32.
    """
    tiled = size[0] * size[1] > max_pixels
    pixels = PixelNetwork(networks, strength, fast or tiled).eval().requires_grad_(False)
    shares = make_shares(pixels, batch_size)
    if not tiled:
        return in_fixed_batches(build(pixels, [make_examples(batch_size, size, dtype), *shares], threads), batch_size)
    plan = plan_tiles(size, max_pixels, measure_halo(max(network.blocks for network in networks)))
    reduced = reduced_size(size, max_pixels)
    given = [np.ones((batch_size, size), np.float32) for size in pixels.statistics_sizes]
    whole = [make_examples(batch_size, reduced, dtype), *shares]
    statistics = build(StatisticsNetwork(pixels).eval(), whole, threads)
    tile = build(pixels, [make_examples(batch_size, plan.size, dtype), *shares, *given], threads)

    def run(frames: Frames, *shares: Shares) -> list[Frames]:
        return [run_tiles(frames, plan, statistics, tile, reduced, *shares)]

    return in_fixed_batches(run, batch_size)


def in_fixed_batches(run: Engine, batch_size: int) -> Engine:
    """Give an engine made for one number of frames any number, the last batch filled up with its last frame.

    Args:
        run: Takes and gives arrays whose first dimension counts frames.
        batch_size: The number it is made for.
    """

    def run_one(*batch: Frames) -> list[Frames]:
        count = len(batch[0])
        full = [np.concatenate([part, np.repeat(part[-1:], batch_size - count, 0)]) for part in batch]
        return [found[:count] for found in run(*(full if count < batch_size else batch))]

    def run_any(*frames: Frames) -> list[Frames]:
        starts = range(0, len(frames[0]), batch_size)
        parts = [run_one(*(each[start : start + batch_size] for each in frames)) for start in starts]
        return [np.concatenate(each) if len(each) > 1 else each[0] for each in zip(*parts, strict=True)]

    return run_any


def make_examples(batch_size: int, size: tuple[int, int], dtype: Any = np.uint8) -> Frames:
    """Draw frames of RGB to make an engine by; not constant, as those have no deviation to normalise by."""
    return np.random.default_rng(0).integers(0, 256, (batch_size, *size, 3)).astype(dtype)


def make_shares(pixels: PixelNetwork, batch_size: int) -> list[Shares]:
    """Make shares to make an engine by; none where there is nothing to blend."""
    styles = sum(pixels.counts)
    return [np.full((batch_size, styles), 1 / styles, np.float32)] if pixels.takes_shares else []
