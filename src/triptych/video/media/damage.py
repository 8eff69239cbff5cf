"""Count the frames of a video that a decoder cannot show as they were."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import av
from av.video.stream import VideoStream

from triptych.video.media.files import open_media, read_packets

__all__ = ["count_damaged"]


def count_damaged(path: Path, index: int, pts: Collection[int], timeout_s: float) -> int:
    """Decode a whole video and count what is damaged or does not come out at all.

    Args:
        path: The file.
        index: The stream.
        pts: Presentation times of the frames that should come out; frames without a time are not counted.
        timeout_s: Give up on any single read after so long.

    Raises:
        av.FFmpegError: The file cannot be read.
    """
    damaged = set(pts)
    with open_media(path, timeout_s) as container:
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)  # noqa: S101 - it was chosen among the videos
        stream.thread_type = "AUTO"
        for packet in read_packets(container, [stream]):
            with suppress(av.error.InvalidDataError):
                damaged -= {frame.pts for frame in packet.decode() if not frame.is_corrupt}
    return len(damaged)
