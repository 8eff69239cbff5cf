"""Motion between frames, and how much a video flickers along it.

Motion is estimated by DIS optical flow (Kroeger et al., "Fast optical flow using dense inverse search", 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Floats = NDArray[np.float32]
Picture = TypeVar("Picture", Frame, Floats)
_FLOW_WIDTH_PX = 640  # larger frames are scaled down to this for the estimate, which is finer than flicker needs
_SMALLEST_PX = 32
_SAME_LEVELS = 40  # of 255: pixels whose luma differs by more are not the same thing seen again


@dataclass(frozen=True)
class Motion:
    """Where the pixels of a frame were in the frame before.

    Attributes:
        columns: (H, W) float32, where in the past frame each pixel was.
        rows: (H, W) float32, the same from top to bottom.
        seen: (H, W) bool, False where nothing in the past shows the same.
    """

    columns: Floats
    rows: Floats
    seen: NDArray[np.bool_]

    def warp(self, picture: Floats) -> Floats:
        """Move a picture of the past to where the present shows it."""
        return _fetch(picture, self.columns, self.rows)

    def shrink(self, height: int, width: int) -> Motion:
        """Give the motion of a plane of chroma that has one sample where this one's has several."""
        down, across = -(-self.seen.shape[0] // height), -(-self.seen.shape[1] // width)
        if down == across == 1:
            return self
        columns, rows = self.columns[::down, ::across], self.rows[::down, ::across]
        return Motion(columns / np.float32(across), rows / np.float32(down), self.seen[::down, ::across])


def find_motion(past: Frame, present: Frame, occlusion_px: float = 1.0) -> Motion:
    """Find where the pixels of a frame come from.

    Args:
        past: (H, W, 3) RGB, or (H, W) luma.
        present: The same.
        occlusion_px: Forward and backward motion that differ by more mark a pixel as newly seen; so do places
            outside the past frame and luma that differs much.
    """
    flow, back = estimate_flow(present, past), estimate_flow(past, present)
    columns, rows = _follow(flow)
    away = flow + _fetch(back, columns, rows)
    mismatch = cv2.magnitude(away[..., 0], away[..., 1])
    difference = cv2.absdiff(_luma(present), _fetch(_luma(past), columns, rows))
    seen = (mismatch <= occlusion_px) & (difference <= _SAME_LEVELS) & _lie_inside(columns, rows)
    return Motion(columns, rows, seen)


def estimate_flow(source: Frame, target: Frame) -> Floats:
    """Estimate the optical flow (H, W, 2) between frames, RGB or luma; equal whatever the number of threads."""
    height, width = source.shape[:2]
    if min(height, width) < _SMALLEST_PX:
        return np.zeros((height, width, 2), np.float32)
    scale = min(1.0, _FLOW_WIDTH_PX / max(height, width))
    size = (max(_SMALLEST_PX, round(width * scale)), max(_SMALLEST_PX, round(height * scale)))
    small = [cv2.resize(_luma(frame), size, interpolation=cv2.INTER_AREA) for frame in (source, target)]
    with one_thread():
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(small[0], small[1], None)  # type: ignore[call-overload]
    if size == (width, height):
        return np.asarray(flow, np.float32)
    ratio = np.array([width / size[0], height / size[1]], np.float32)
    return np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * ratio, np.float32)


def _follow(flow: Floats) -> tuple[Floats, Floats]:
    """Return the columns and rows that a flow points to."""
    height, width = flow.shape[:2]
    across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return flow[..., 0] + across, flow[..., 1] + down[:, None]


def _fetch(picture: Picture, columns: Floats, rows: Floats) -> Picture:
    """Fetch pixels by linear interpolation; outside lies what is at the border."""
    mode = cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=mode), picture.dtype)


def warping_error(frames_before: Sequence[Frame], frames_after: Sequence[Frame]) -> float:
    """Measure flicker: how much a video changes along the motion of its source.

    The square root of the warping error of Lai et al., "Learning blind video temporal consistency" (2018), so that it
    is in levels of 0 to 255: the difference between each frame and the next one warped onto it, over pixels that are
    neither hidden nor at an edge of motion (Ruder et al., "Artistic style transfer for videos", 2016).

    Args:
        frames_before: The source's frames, which give the motion, (H, W, 3) RGB each.
        frames_after: The same frames of the result; give those of the source for its own error.

    Returns:
        The mean over neighbouring frames; pairs that show nothing in common do not count. 0 if there is none.

    Raises:
        ValueError: If there are not as many of both.
    """
    if len(frames_before) != len(frames_after):
        raise ValueError(f"frames must be pairs, got {len(frames_before)} frames before and {len(frames_after)} after")
    pairs = zip(pairwise(frames_before), pairwise(frames_after), strict=True)
    errors = [error for before, after in pairs for error in warping_errors(before, after)]
    return float(np.mean(errors)) if errors else 0.0


def warping_errors(before: tuple[Frame, Frame], *pairs: tuple[Frame, Frame]) -> list[float]:
    """Measure how much pairs of frames differ along the motion of one of them, which is estimated once for all.

    Args:
        before: A frame of the source and the next one, which give the motion.
        pairs: The same two frames of each video to be measured.

    Returns:
        The error of each, as of `warping_error`; none if the source's frames show nothing in common.
    """
    flow = estimate_flow(*before)
    steady = find_steady(flow, estimate_flow(*before[::-1]))
    values = 3 * np.count_nonzero(steady)
    if not values:
        return []
    columns, rows = _follow(flow)
    mask = steady.view(np.uint8)
    errors = []
    for now, later in pairs:
        moved = _fetch(later.astype(np.float32), columns, rows)
        squares = cv2.norm(now.astype(np.float32), moved, cv2.NORM_L2SQR, mask)
        errors.append(float(np.sqrt(squares / values)))
    return errors


def find_steady(flow: Floats, back: Floats) -> NDArray[np.bool_]:
    """Tell which pixels are seen in both frames, away from edges of motion; the criteria of Ruder et al. (2016).

    Args:
        flow: (H, W, 2), from the frame to the other one.
        back: (H, W, 2), the other way.
    """
    columns, rows = _follow(flow)
    returning = _fetch(back, columns, rows)
    length = _square(flow)
    disoccluded = _square(flow + returning) > 0.01 * (length + _square(returning)) + 0.5
    across, down = cv2.Sobel(flow, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(flow, cv2.CV_32F, 0, 1, scale=1 / 8)
    edges = _square(across) + _square(down) > 0.01 * length + 0.002
    return np.asarray(~disoccluded & ~edges & _lie_inside(columns, rows))


def _square(vectors: NDArray[Any]) -> Floats:
    """Give the squared lengths of vectors (H, W, 2); NumPy's sum over so short an axis takes ten times as long."""
    across, down = cv2.split(vectors)
    return np.asarray(across * across + down * down, np.float32)


def sharpness(frame: Frame) -> float:
    """Return the variance of the Laplacian of the luma, 0 to 255; blur lowers it (Pech-Pacheco et al., 2000)."""
    return float(cv2.Laplacian(_luma(frame), cv2.CV_32F).var(dtype=np.float64))


def _lie_inside(columns: Floats, rows: Floats) -> NDArray[np.bool_]:
    height, width = columns.shape
    return np.asarray((columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1))


def _luma(frame: Frame) -> Frame:
    if frame.ndim == 2:
        return frame
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread: it divides the search among threads, and the flow then depends on their number.

    The number is that of the whole process, so threads that estimate flows at once need this around all of them.
    """
    before = cv2.getNumThreads()
    if before == 1:  # to set it again takes a millisecond
        yield
        return
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
