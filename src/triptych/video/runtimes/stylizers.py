"""Stylizers: frames in, styled frames of exactly the same size out, whatever runs the network."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.video.network.pixels import PixelNetwork, StatisticsNetwork
from triptych.video.network.transformer import TransformerNet
from triptych.video.runtimes.eager import Build, Engine
from triptych.video.runtimes.tiles import STEP, measure_halo, plan_tiles, reduced_size, run_tiles

Frames = NDArray[np.uint8]
_SMALLEST = 4 * STEP  # below, the reflection at the network's smallest layers has nothing to reflect


class Stylizer:
    """Runs a network over frames of one size.

    Attributes:
        runtime: What runs it.
        batch_size: Frames to be given at once.
        size: Height and width of the frames.

    Args:
        runtime: Its name.
        size: Height and width of the frames.
        batch_size: Frames to be given at once.
        run: Stylizes frames of the padded size, up to `batch_size` of them.
    """

    def __init__(self, runtime: str, size: tuple[int, int], batch_size: int, run: Engine) -> None:
        self.runtime, self.batch_size = runtime, batch_size
        self.size, self._run = (size[0], size[1]), run

    def stylize(self, frames: Frames) -> Frames:
        """Stylize frames.

        Args:
            frames: uint8 RGB, (N, H, W, 3), any N, H and W as said.

        Raises:
            ValueError: If the frames are of another size or type.
        """
        self._check(frames)
        (top, bottom), (left, right) = (pad_length(length) for length in self.size)
        padded = frames
        if top + bottom + left + right:
            padded = np.pad(frames, ((0, 0), (top, bottom), (left, right), (0, 0)), mode="edge")
        styled = self._run(padded)[0]
        height, width = self.size
        return np.ascontiguousarray(styled[:, top : top + height, left : left + width])

    def _check(self, frames: Frames) -> None:
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (*self.size, 3):
            raise ValueError(
                f"frames must be uint8 of (N, {self.size[0]}, {self.size[1]}, 3), got {frames.dtype} {frames.shape}"
            )


class ScaledStylizer(Stylizer):
    """Lets a network see frames in a smaller size, and scales its pictures up again.

    Args:
        small: Runs it over the smaller frames, with full strength.
        size: Height and width of the frames.
        strength: 0 to 1; what is below mixes in the frame as it was, in its own size.
    """

    def __init__(self, small: Stylizer, size: tuple[int, int], strength: float) -> None:
        super().__init__(small.runtime, size, small.batch_size, lambda frames: [frames])
        self._small, self._strength = small, strength

    def stylize(self, frames: Frames) -> Frames:
        """Stylize frames; see `Stylizer.stylize`."""
        self._check(frames)
        height, width = self._small.size
        reduced = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        styled = self._small.stylize(np.stack(reduced).astype(np.uint8, copy=False))
        return np.stack([self._enlarge(picture, frame) for picture, frame in zip(styled, frames, strict=True)])

    def _enlarge(self, picture: Frames, frame: Frames) -> Frames:
        height, width = frame.shape[:2]
        large = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
        mixed = large if self._strength == 1 else cv2.addWeighted(large, self._strength, frame, 1 - self._strength, 0)
        return np.asarray(mixed, np.uint8)


def pad_length(length: int) -> tuple[int, int]:
    """Give the pixels to add on both sides for the network to have multiples of 4, from 16 on."""
    missing = max(_SMALLEST, -(-length // STEP) * STEP) - length
    return missing // 2, missing - missing // 2


def padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Give the height and width the network sees of frames of a size."""
    height, width = (length + sum(pad_length(length)) for length in size)
    return height, width


def build_run(
    networks: Sequence[TransformerNet],
    weights: Sequence[float],
    strength: float,
    build: Build,
    size: tuple[int, int],
    batch_size: int,
    max_pixels: int,
    threads: int,
    fast: bool = True,
    at_a_time: int = 1,
) -> Engine:
    """Build what stylizes frames of a padded size, in tiles where it is too large.

    Args:
        networks: The styles.
        weights: Weight of each.
        strength: 0 to 1.
        build: Makes an engine of a module.
        size: Height and width, multiples of 4 from 16 on.
        batch_size: Frames the engine is made for.
        max_pixels: Frames with more are stylized in tiles.
        threads: Threads on the CPU.
        fast: Whether to rearrange the networks for speed; tiles are always.
        at_a_time: Batches that go through the engine at a time.
    """
    tiled = size[0] * size[1] > max_pixels
    pixels = PixelNetwork(networks, weights, strength, fast or tiled).eval().requires_grad_(False)
    if not tiled:
        return in_fixed_batches(build(pixels, [_example(batch_size, size)], threads), batch_size, at_a_time)
    plan = plan_tiles(size, max_pixels, measure_halo(max(network.blocks for network in networks)))
    reduced = reduced_size(size, max_pixels)
    given = [np.ones((batch_size, size), np.float32) for size in pixels.statistics_sizes]
    statistics = build(StatisticsNetwork(pixels).eval(), [_example(batch_size, reduced)], threads)
    tile = build(pixels, [_example(batch_size, plan.size), *given], threads)

    def run(frames: Frames) -> list[Frames]:
        return [run_tiles(frames, plan, statistics, tile, reduced)]

    return in_fixed_batches(run, batch_size, at_a_time)


def in_fixed_batches(run: Engine, batch_size: int, at_a_time: int = 1) -> Engine:
    """Give an engine made for one number of frames any number, the last batch filled up with its last frame."""

    def run_one(batch: Frames) -> Frames:
        missing = batch_size - len(batch)
        full = np.concatenate([batch, np.repeat(batch[-1:], missing, 0)]) if missing else batch
        return run(full)[0][: len(batch)]

    pool = ThreadPoolExecutor(at_a_time, "stylizer") if at_a_time > 1 else None

    def run_any(frames: Frames) -> list[Frames]:
        batches = [frames[start : start + batch_size] for start in range(0, len(frames), batch_size)]
        parts = list(pool.map(run_one, batches) if pool else map(run_one, batches))
        return [parts[0] if len(parts) == 1 else np.concatenate(parts)] if parts else [frames.copy()]

    return run_any


def _example(batch_size: int, size: tuple[int, int]) -> Frames:
    # Not constant: a constant frame has no deviation to normalise by.
    return np.random.default_rng(0).integers(0, 256, (batch_size, *size, 3), dtype=np.uint8)
