"""Show rewritten frames at given times, copying their packets."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from triptych.video.media.info import VideoRefusedError

__all__ = ["choose_clock", "retime_frames"]


def choose_clock(time_base: Fraction) -> int:
    """Return ticks a second of an mp4 that has one wherever the source has; fewer than 1000 round its edit list."""
    clock = time_base.denominator
    return clock * max(1, -(-1000 // clock))


def retime_frames(path: Path, pts: Sequence[int], time_base: Fraction, target: Path) -> None:
    """Copy rewritten frames, and give them other times.

    Args:
        path: Frames without B-frames, so that they lie in the order in which they are shown.
        pts: Time of each.
        time_base: Seconds a tick of them.
        target: The mp4 to write.

    Raises:
        VideoRefusedError: There are more or fewer frames than times.
    """
    clock = str(choose_clock(time_base))
    options = {"video_track_timescale": clock, "movie_timescale": clock, "avoid_negative_ts": "disabled"}
    with av.open(str(path)) as source, av.open(str(target), "w", format="mp4", options=options) as output:
        copy = output.add_stream_from_template(source.streams.video[0], opaque=True)
        copy.time_base = time_base
        packets = [packet for packet in source.demux(video=0) if packet.size]
        if len(packets) != len(pts):
            raise VideoRefusedError(f"{len(packets)} of its {len(pts)} frames can be rewritten")
        # The last lasts as long as the one before: of none, some versions of FFmpeg say that it is not shown.
        durations = [later - at for at, later in pairwise(pts)]
        for packet, at, duration in zip(packets, pts, [*durations, *(durations[-1:] or [1])], strict=True):
            packet.stream, packet.time_base = copy, time_base
            packet.pts = packet.dts = at
            packet.duration = duration
            output.mux(packet)
