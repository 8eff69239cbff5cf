"""Stylizers: planes of frames in, planes of styled frames out, wherever colours are converted.

On a processor OpenCV converts, by far the quicker way there, to bytes of RGB (to floats where a side has more than 8
bits), and the network's graph is between RGB. On a GPU planes go into the graph and come out of it, so that only 1.5
bytes a pixel are moved; but for frames that the network sees smaller or in tiles, which are cut and scaled as RGB.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import groupby
from threading import Lock
from typing import Protocol

import numpy as np

from triptych.video.media.conversion import Conversion
from triptych.video.media.planes import Planes
from triptych.video.runtimes.eager import Engine
from triptych.video.runtimes.painters import Painter, Shares

__all__ = ["CopyingStylizer", "GraphStylizer", "RgbStylizer", "SharingStylizer", "Stylizer", "pick_shares",
           "weigh_styles"]  # fmt: skip


class Stylizer(Protocol):
    """Stylizes the frames of one video.

    Attributes:
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once, from as many threads.
    """

    batch_size: int
    lanes: int

    def stylize(self, frames: Sequence[Planes], shares: Shares | None = None) -> list[Planes]:
        """Stylize frames.

        Args:
            frames: Planes as the source's layout has them, any number of frames.
            shares: Of each style of each checkpoint in every frame, (N, styles), which add up to 1; None for those
                that the stylizer was made with. Of no meaning where there is one style.

        Returns:
            For each its planes as the target's layout has them.

        Raises:
            ValueError: If the planes are of another layout.
        """


class _EngineStylizer(ABC):
    """What stylizers with one engine have in common."""

    def __init__(self, conversion: Conversion, batch_size: int, lanes: int, shares: Shares | None) -> None:
        self._conversion, self._shares = conversion, shares
        self.batch_size, self.lanes = batch_size, lanes

    def stylize(self, frames: Sequence[Planes], shares: Shares | None = None) -> list[Planes]:
        """Stylize frames; see `Stylizer.stylize`."""
        for frame in frames:
            self._conversion.source.check(frame)
        return self._run(frames, _choose_shares(shares, self._shares, len(frames))) if frames else []

    @abstractmethod
    def _run(self, frames: Sequence[Planes], given: list[Shares]) -> list[Planes]:
        """Stylize one frame or more, with what engines are given of shares."""


class RgbStylizer(_EngineStylizer):
    """Converts on the processor, and lets a network paint RGB.

    Args:
        conversion: From the video's planes to RGB, and to those of its result.
        painter: Runs the network.
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once.
        shares: Of each style where nothing else is said, (styles,); None where there is one style.
    """

    def __init__(
        self, conversion: Conversion, painter: Painter, batch_size: int, lanes: int, shares: Shares | None = None
    ) -> None:
        super().__init__(conversion, batch_size, lanes, shares)
        self._painter = painter

    def _run(self, frames: Sequence[Planes], given: list[Shares]) -> list[Planes]:
        rgb = [self._conversion.to_rgb(frame) for frame in frames]
        painted = self._painter.paint(rgb[0][None] if len(rgb) == 1 else np.stack(rgb), *given)
        return [self._conversion.to_planes(picture) for picture in painted]


class GraphStylizer(_EngineStylizer):
    """Lets an engine convert colours too.

    Args:
        conversion: The matrices it is given with the planes.
        run: Takes Y, U, V and both matrices of frames, and their shares where there is more than one style; gives the
            planes of the result.
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once.
        shares: As of `RgbStylizer`.
    """

    def __init__(
        self, conversion: Conversion, run: Engine, batch_size: int, lanes: int, shares: Shares | None = None
    ) -> None:
        super().__init__(conversion, batch_size, lanes, shares)
        self._engine = run

    def _run(self, frames: Sequence[Planes], given: list[Shares]) -> list[Planes]:
        planes = [np.stack(each) for each in zip(*frames, strict=True)]
        matrices = [np.repeat(matrix[None], len(frames), 0) for matrix in self._conversion.matrices]
        y, u, v = self._engine(*planes, *matrices, *given)
        return list(zip(y, u, v, strict=True))


class SharingStylizer:
    """Runs for each frame only the checkpoints that have a share in it, so that a fade costs both only in between.

    Frames of a batch are divided by that, and not by what the batch has in common: what a frame looks like does not
    depend on its neighbours.

    Args:
        make: Makes what blends some of the checkpoints, by their numbers; asked once for each set that occurs.
        counts: Styles in each checkpoint.
        shares: Of each style where nothing else is said, (styles,).
    """

    def __init__(self, make: Callable[[tuple[int, ...]], Stylizer], counts: Sequence[int], shares: Shares) -> None:
        self._make, self._shares = make, shares
        self._owner = np.repeat(np.arange(len(counts)), counts)
        self._made: dict[tuple[int, ...], Stylizer] = {}
        self._lock = Lock()
        largest = self._get(tuple(range(len(counts))))
        self.batch_size, self.lanes = largest.batch_size, largest.lanes

    def stylize(self, frames: Sequence[Planes], shares: Shares | None = None) -> list[Planes]:
        """Stylize frames; see `Stylizer.stylize`."""
        given = _choose_shares(shares, self._shares, len(frames))[0]
        painted: list[Planes] = []
        numbers = range(len(frames))
        for active, run in groupby(numbers, lambda number: tuple(np.unique(self._owner[given[number] > 0]).tolist())):
            together = list(run)
            columns = given[together][:, np.isin(self._owner, active)]
            painted += self._get(active).stylize([frames[number] for number in together], columns)
        return painted

    def _get(self, active: tuple[int, ...]) -> Stylizer:
        with self._lock:
            if active not in self._made:
                self._made[active] = self._make(active)
            return self._made[active]


class CopyingStylizer:
    """Gives frames as they are, for a style of no strength; no network is run.

    Args:
        conversion: From the video's planes to those of its result.
    """

    batch_size, lanes = 1, 1

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion

    def stylize(self, frames: Sequence[Planes], shares: Shares | None = None) -> list[Planes]:
        """Give the frames; see `Stylizer.stylize`."""
        del shares
        for frame in frames:
            self._conversion.source.check(frame)
        return [self._conversion.convert(frame) for frame in frames]


def _choose_shares(shares: Shares | None, usual: Shares | None, count: int) -> list[Shares]:
    """Give what engines are given of shares: nothing where there is one style."""
    if usual is None:
        return []
    return [np.repeat(usual[None], count, 0) if shares is None else np.asarray(shares, np.float32)]


def weigh_styles(weights: Sequence[float | Sequence[float]], counts: Sequence[int]) -> Shares:
    """Give the share of each style of each checkpoint; a single number is spread over the styles of its checkpoint.

    Raises:
        ValueError: If there are not as many weights, or one is below 0, or none above.
    """
    spread = [
        np.atleast_1d(weight) if np.ndim(weight) else np.full(count, weight / count)  # type: ignore[operator]
        for weight, count in zip(weights, counts, strict=True)
    ]
    flat = np.concatenate(spread, dtype=np.float32) if spread else np.zeros(0, np.float32)
    if [len(part) for part in spread] != list(counts) or not flat.sum() > 0 or flat.min() < 0:
        raise ValueError(f"each style needs a weight, none below 0 and not all 0, got {list(weights)}")
    return np.asarray(flat / flat.sum(), np.float32)


def pick_shares(shares: Shares, counts: Sequence[int], active: tuple[int, ...]) -> Shares | None:
    """Give the shares within some of the checkpoints; None where these are of one style."""
    picked = np.concatenate([np.split(shares, np.cumsum(counts)[:-1])[number] for number in active])
    if len(picked) == 1:
        return None
    total = picked.sum()
    return np.asarray(picked / total if total else np.full(len(picked), 1 / len(picked)), np.float32)
