"""Count the frames of a video that a decoder cannot show as they were."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import av
from av.video.stream import VideoStream

from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoRefusedError

__all__ = ["count_damaged", "count_damaged_untimed"]


def count_damaged(path: Path, index: int, pts: Collection[int], timeout_s: float) -> int:
    """Decode a whole video and count what is damaged or does not come out at all.

    Args:
        path: The file.
        index: The stream.
        pts: Presentation times of the frames that should come out; frames without a time are not counted.
        timeout_s: Give up on any single read after so long.

    Raises:
        VideoRefusedError: The size of its frames changes.
        av.FFmpegError: The file cannot be read.
    """
    damaged = set(pts)
    for frames in _decode(path, index, timeout_s):
        damaged -= {frame.pts for frame in frames or () if not frame.is_corrupt}
    return len(damaged)


def count_damaged_untimed(path: Path, index: int, timeout_s: float) -> int:
    """Decode a whole video whose times mean nothing, and count what is damaged from its first keyframe on.

    Args:
        path: The file.
        index: The stream.
        timeout_s: Give up on any single read after so long.

    Raises:
        VideoRefusedError: The size of its frames changes.
        av.FFmpegError: The file cannot be read.
    """
    damaged, begun = 0, False
    for frames in _decode(path, index, timeout_s):
        if frames is None:
            damaged += begun
        for frame in frames or ():
            begun = begun or frame.key_frame or not frame.is_corrupt
            damaged += begun and frame.is_corrupt
    return damaged


def _decode(path: Path, index: int, timeout_s: float) -> Iterator[list[av.VideoFrame] | None]:
    """Yield the frames that come out with each packet, None where it cannot be decoded."""
    size: tuple[int, int] | None = None
    with open_media(path, timeout_s) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)  # noqa: S101 - it was chosen among the videos
        stream.thread_type = "AUTO"
        for packet in read_packets(container, [stream]):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                yield None
                continue
            for frame in frames:
                size = _check_size(frame, size)
            yield frames


def _check_size(frame: av.VideoFrame, expected: tuple[int, int] | None) -> tuple[int, int]:
    found = frame.width, frame.height
    if expected is not None and expected != found:
        before, after = (f"{width}x{height}" for width, height in (expected, found))
        raise VideoRefusedError(f"the frame size changes from {before} to {after}")
    return found
