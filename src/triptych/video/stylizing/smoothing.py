"""Less flicker: what a frame shows is mixed with what the frames before showed at the same place.

Both ways go on from frame to frame, so a segment that starts in the middle of a video starts some frames early.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triptych.video.params import SmoothingParams
from triptych.video.stylizing.motion import Floats, find_motion

Frame = NDArray[np.uint8]


class TemporalSmoother:
    """Smooths a video frame by frame; for each, `before` the network and `after` it.

    `average_input` works before: the network sees a moving average of the source along its motion, without its
    noise, and its result keeps all sharpness. `blend_output` works after: the styled frame is mixed with the one
    before, moved as the source moves. Pixels that are newly seen keep no past.

    Args:
        params: Method and weight of the past.
    """

    def __init__(self, params: SmoothingParams) -> None:
        self._method = params.method
        self._input = _MovingAverage(params)
        self._output = _MovingAverage(params)

    def before(self, frame: Frame) -> Frame:
        """Return what the network is to see of a frame of the source, (H, W, 3) RGB; call it in order."""
        return self._input.add(frame, frame) if self._method == "average_input" else frame

    def after(self, frame: Frame, styled: Frame) -> Frame:
        """Return what is to be shown of a frame of the source and its styled version; call it in order."""
        return self._output.add(frame, styled) if self._method == "blend_output" else styled


class _MovingAverage:
    """Average of pictures that weighs the past geometrically, along the motion of the source."""

    def __init__(self, params: SmoothingParams) -> None:
        self._weight, self._occlusion_px = params.weight, params.occlusion_px
        self._source: Frame | None = None
        self._average: Floats | None = None

    def add(self, source: Frame, picture: Frame) -> Frame:
        """Take the next picture and return the average so far."""
        average = picture.astype(np.float32)
        if self._source is not None and self._average is not None:
            motion = find_motion(self._source, source, self._occlusion_px)
            share = np.float32(self._weight) * motion.seen[..., None]
            average += share * (motion.warp(self._average) - average)
        self._source, self._average = source, average
        return np.rint(average).astype(np.uint8)
