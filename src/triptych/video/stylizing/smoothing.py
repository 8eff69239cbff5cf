"""Less flicker: what a frame shows is mixed with what the frames before showed at the same place.

Both ways go on from frame to frame, so a segment that starts in the middle of a video starts some frames early. Motion
is found in luma, and all planes are moved along it, chroma in its own size.
"""

from __future__ import annotations

import numpy as np

from triptych.video.media.conversion import Conversion
from triptych.video.media.planes import MOST_BITS, Planes
from triptych.video.params import SmoothingParams
from triptych.video.stylizing.motion import Floats, Frame, Motion, find_motion

__all__ = ["TemporalSmoother", "see"]


class TemporalSmoother:
    """Smooths a video frame by frame; for each, `before` the network and `after` it.

    `average_input` works before: the network sees a moving average of the source along its motion, without its
    noise, and its result keeps all sharpness. It sees 12 bits of it: where a flat place is a level up in one frame and
    down in the next, styles flicker (by a third more with 8 bits). `blend_output` works after: the styled frame is
    mixed with the one before, moved as the source moves. Pixels that are newly seen keep no past.

    Args:
        params: Method and weight of the past.
        bits: Of a sample of the source.
    """

    def __init__(self, params: SmoothingParams, bits: int = 8) -> None:
        self._method, self._bits = params.method, bits
        self._input = _MovingAverage(params, bits)
        self._output = _MovingAverage(params, bits)

    def before(self, frame: Planes) -> Planes:
        """Return what the network is to see of a frame of the source, as `see` says; call it in order."""
        if self._method != "average_input":
            return frame
        step = 2 ** (MOST_BITS - self._bits)
        y, u, v = (plane.astype(np.int16) * np.int16(step) for plane in frame)
        return self._input.add(frame, (y, u, v))

    def after(self, frame: Planes, styled: Planes) -> Planes:
        """Return what is to be shown of a frame of the source and its styled version; call it in order."""
        return self._output.add(frame, styled) if self._method == "blend_output" else styled


def see(conversion: Conversion, smoothing: SmoothingParams) -> Conversion:
    """Give the conversion of what the network sees of frames that are smoothed before it."""
    return conversion.deepened() if smoothing.method == "average_input" else conversion


class _MovingAverage:
    """Average of pictures that weighs the past geometrically, along the motion of the source."""

    def __init__(self, params: SmoothingParams, bits: int) -> None:
        self._weight, self._occlusion_px, self._bits = params.weight, params.occlusion_px, bits
        self._source: Frame | None = None
        self._average: list[Floats] = []

    def add(self, source: Planes, picture: Planes) -> Planes:
        """Take the next picture and return the average so far."""
        luma = _take_luma(source, self._bits)
        average = [plane.astype(np.float32) for plane in picture]
        if self._source is not None:
            motion = find_motion(self._source, luma, self._occlusion_px)
            for plane, past in zip(average, self._average, strict=True):
                self._mix(plane, past, motion.shrink(*plane.shape))
        self._source, self._average = luma, average
        y, u, v = (np.rint(plane).astype(given.dtype) for plane, given in zip(average, picture, strict=True))
        return y, u, v

    def _mix(self, plane: Floats, past: Floats, motion: Motion) -> None:
        share = np.float32(self._weight) * motion.seen
        plane += share * (motion.warp(past) - plane)


def _take_luma(frame: Planes, bits: int) -> Frame:
    """Give luma (green of RGB) as 8 bits; motion needs no more."""
    return frame[0] if bits == 8 else (frame[0] >> (bits - 8)).astype(np.uint8)
