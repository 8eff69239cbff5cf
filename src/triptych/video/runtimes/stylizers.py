"""Stylizers: planes of frames in, planes of styled frames out, wherever colours are converted.

On a processor OpenCV converts, by far the quicker way there, to bytes of RGB (to floats where a side has more than 8
bits), and the network's graph is between RGB. On a GPU planes go into the graph and come out of it, so that only 1.5
bytes a pixel are moved; but for frames that the network sees smaller or in tiles, which are cut and scaled as RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from triptych.video.media.conversion import Conversion
from triptych.video.media.planes import Planes
from triptych.video.runtimes.eager import Engine
from triptych.video.runtimes.painters import Painter

__all__ = ["CopyingStylizer", "GraphStylizer", "RgbStylizer", "Stylizer"]


class Stylizer(Protocol):
    """Stylizes the frames of one video.

    Attributes:
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once, from as many threads.
    """

    batch_size: int
    lanes: int

    def stylize(self, frames: Sequence[Planes]) -> list[Planes]:
        """Stylize frames.

        Args:
            frames: Planes as the source's layout has them, any number of frames.

        Returns:
            For each its planes as the target's layout has them.

        Raises:
            ValueError: If the planes are of another layout.
        """


class RgbStylizer:
    """Converts on the processor, and lets a network paint RGB.

    Args:
        conversion: From the video's planes to RGB, and to those of its result.
        painter: Runs the network.
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once.
    """

    def __init__(self, conversion: Conversion, painter: Painter, batch_size: int, lanes: int) -> None:
        self._conversion, self._painter = conversion, painter
        self.batch_size, self.lanes = batch_size, lanes

    def stylize(self, frames: Sequence[Planes]) -> list[Planes]:
        """Stylize frames; see `Stylizer.stylize`."""
        for frame in frames:
            self._conversion.source.check(frame)
        if not frames:
            return []
        rgb = [self._conversion.to_rgb(frame) for frame in frames]
        painted = self._painter.paint(rgb[0][None] if len(rgb) == 1 else np.stack(rgb))
        return [self._conversion.to_planes(picture) for picture in painted]


class GraphStylizer:
    """Lets an engine convert colours too.

    Args:
        conversion: The matrices it is given with the planes.
        run: Takes Y, U, V and both matrices of frames, and gives the planes of the result.
        batch_size: Frames to be given at once.
        lanes: Calls that may be under way at once.
    """

    def __init__(self, conversion: Conversion, run: Engine, batch_size: int, lanes: int) -> None:
        self._conversion, self._run = conversion, run
        self.batch_size, self.lanes = batch_size, lanes

    def stylize(self, frames: Sequence[Planes]) -> list[Planes]:
        """Stylize frames; see `Stylizer.stylize`."""
        for frame in frames:
            self._conversion.source.check(frame)
        if not frames:
            return []
        planes = [np.stack(each) for each in zip(*frames, strict=True)]
        matrices = [np.repeat(matrix[None], len(frames), 0) for matrix in self._conversion.matrices]
        y, u, v = self._run(*planes, *matrices)
        return list(zip(y, u, v, strict=True))


class CopyingStylizer:
    """Gives frames as they are, for a style of no strength; no network is run.

    Args:
        conversion: From the video's planes to those of its result.
    """

    batch_size, lanes = 1, 1

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion

    def stylize(self, frames: Sequence[Planes]) -> list[Planes]:
        """Give the frames; see `Stylizer.stylize`."""
        for frame in frames:
            self._conversion.source.check(frame)
        return [self._conversion.convert(frame) for frame in frames]
