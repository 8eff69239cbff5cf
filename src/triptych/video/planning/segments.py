"""Divide videos into segments and segments among ranks."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from triptych.video.media.info import VideoInfo

__all__ = ["Segment", "assign_segments", "cut_into_segments", "hash_settings"]

SEGMENT_PIXELS = 128_000_000
FORMAT = 3
"""Raise it when the same source, style and settings give other pixels: earlier segments are then made anew."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Segment:
    """Consecutive frames that are stylized, kept and redone as a whole."""

    index: int
    """Position in the video, from 0."""
    pts: tuple[int, ...]
    """Presentation times of its frames."""
    lead_pts: tuple[int, ...]
    """Presentation times of the frames before it that smoothing starts from; none of them is in the result."""

    @property
    def frames(self) -> int:
        """Count its frames."""
        return len(self.pts)


def cut_into_segments(info: VideoInfo, segment_frames: int, lead_frames: int) -> list[Segment]:
    """Divide a video into segments of about equal length.

    A cut moves to a keyframe within a quarter of a segment, where decoding can begin without detour.

    Args:
        info: The video.
        segment_frames: Most frames a segment has where no cut is moved; with moved cuts, half as many again. Of
            large frames there are fewer, at most 128 megapixels, so that ranks can share a few large videos evenly.
        lead_frames: Frames before each segment that it starts from.

    Returns:
        The segments in order; together they hold every frame once.
    """
    most = max(1, min(segment_frames, SEGMENT_PIXELS // (info.width * info.height)))
    count = -(-info.frames // most)
    reach = info.frames / count / 4
    keys = [bisect_left(info.pts, pts) for pts in info.keyframes]
    cuts = [0]
    for i in range(1, count):
        even = round(i * info.frames / count)
        near = min(keys, key=lambda key: abs(key - even), default=even)
        cuts.append(near if abs(near - even) <= reach else even)
    cuts.append(info.frames)
    return [
        Segment(i, info.pts[start:end], info.pts[max(0, start - lead_frames) : start])
        for i, (start, end) in enumerate(pairwise(cuts))
        if end > start
    ]


def assign_segments(
    segments: Sequence[Item],
    ranks: int,
    weigh: Callable[[Item], float] = lambda segment: segment.frames,  # type: ignore[attr-defined]
) -> list[list[Item]]:
    """Give each rank a run of consecutive segments so that the most loaded rank has as little as possible.

    Runs keep a rank within one video, where it reads on instead of seeking.

    Args:
        segments: The segments of all videos, in order.
        ranks: How many share them.
        weigh: Work of a segment; its frames by default.

    Returns:
        One list a rank, empty for ranks that are given nothing.
    """
    weights = [weigh(segment) for segment in segments]
    low, high = max(weights, default=0.0), sum(weights)
    while high - low > 1e-6 * max(high, 1):
        middle = (low + high) / 2
        low, high = (low, middle) if len(_fill(weights, middle)) <= ranks else (middle, high)
    runs = [[segments[i] for i in run] for run in _fill(weights, high)]
    return runs + [[] for _ in range(ranks - len(runs))]


def _fill(weights: Sequence[float], most: float) -> list[list[int]]:
    """Cut positions into as few runs as hold at most so much."""
    runs: list[list[int]] = []
    load = most
    for i, weight in enumerate(weights):
        load += weight
        if load > most * (1 + 1e-12) or not runs:
            runs.append([])
            load = weight
        runs[-1].append(i)
    return runs


def hash_settings(values: Mapping[str, Any]) -> str:
    """Hash plain values, whatever their order.

    Returns:
        40 hexadecimal digits.
    """
    text = json.dumps({"format": FORMAT, **values}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]
