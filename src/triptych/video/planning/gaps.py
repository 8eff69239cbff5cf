"""Frames without a time among frames that have one: when they are shown.

A transport stream may state the time of some pictures only (ISO/IEC 13818-1, 2.7.5), and recordings lose some. Only
a decoder knows between which others such a picture is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
from av.video.stream import VideoStream

from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoRefusedError

__all__ = ["FrameTime", "fill_gaps", "read_frame_times", "read_start"]


class FrameTime(NamedTuple):
    """What is stated of the time of a decoded frame, in ticks."""

    pts: int | None
    """Presentation time."""
    dts: int | None
    """Time of decoding of the packet with which the decoder gave this frame out."""


def read_frame_times(path: Path, index: int, timeout_s: float) -> list[FrameTime]:
    """Decode a video for the times of its frames alone.

    Args:
        path: The file.
        index: The stream.
        timeout_s: Give up on any single read after so long.

    Returns:
        One a frame, in the order in which they are shown.

    Raises:
        av.FFmpegError: The file cannot be read.
    """
    with open_media(path, timeout_s) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)  # noqa: S101 - as when it was probed
        stream.thread_type = "SLICE"  # threads over frames mix up the times of decoding
        times: list[FrameTime] = []
        for packet in read_packets(container, [stream]):
            with suppress(av.error.InvalidDataError):
                times += [FrameTime(frame.pts, frame.dts) for frame in packet.decode()]
    return times


def read_start(path: Path) -> float:
    """Return at what second a file begins, by those of its streams that have times; 0 where none has."""
    with open_media(path) as container:
        return max(0, container.start_time or 0) / av.time_base


def fill_gaps(times: Sequence[FrameTime], step: int) -> list[int]:
    """Give every frame a time.

    Where the decoder's clock agrees with all times that are stated, it also tells those that are not. Else frames are
    spread evenly between the two around them, and before the first and behind the last they follow each other by
    `step`.

    Args:
        times: What is stated; at least one presentation time.
        step: Ticks of a frame.

    Returns:
        Ticks, ascending; those stated are as they were.

    Raises:
        VideoRefusedError: Stated times go back, or leave no room for the frames between them.
    """
    filled = [time.pts for time in times]
    known = [at for at in filled if at is not None]
    if any(later <= earlier for earlier, later in pairwise(known)):
        raise VideoRefusedError("the timestamps of its frames go back")
    if all(time.dts in (None, time.pts) for time in times if time.pts is not None):
        _take_decoding_times(filled, times)
    return [at for run in _spread(filled, step) for at in run]


def _take_decoding_times(filled: list[int | None], times: Sequence[FrameTime]) -> None:
    """Fill in times of decoding that lie between their neighbours."""
    after: list[int | None] = [None] * len(filled)
    for i in range(len(filled) - 2, -1, -1):
        after[i] = filled[i + 1] if filled[i + 1] is not None else after[i + 1]
    before: int | None = None
    for i, time in enumerate(times):
        end = after[i]
        if filled[i] is None and time.dts is not None and before is not None and end is not None:
            filled[i] = time.dts if before < time.dts < end else None
        before = before if filled[i] is None else filled[i]


def _spread(filled: Sequence[int | None], step: int) -> Iterator[list[int]]:
    """Yield runs of times: before the first that is known, from each to the next, and from the last on."""
    known = [(i, at) for i, at in enumerate(filled) if at is not None]
    (first, begin), (last, end) = known[0], known[-1]
    yield [begin - step * (first - i) for i in range(first)]
    for (i, at), (j, then) in pairwise(known):
        if then - at < j - i:
            raise VideoRefusedError(f"there is no room for {j - i - 1} frames between two timestamps")
        yield [at + (then - at) * k // (j - i) for k in range(j - i)]
    yield [end + step * k for k in range(len(filled) - last)]
