"""Decode a few frames at places spread over a video."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.files import RAW_FORMATS, open_media, read_packets
from triptych.video.media.info import VideoRefusedError

__all__ = ["sample_fields", "sample_frames"]

SAMPLED_FRAMES = 8
PLACES = 12
FRAMES_A_PLACE = 4
SAMPLING_S = 60.0


def sample_frames(path: Path, index: int, timeout_s: float) -> list[av.VideoFrame]:
    """Decode the first frames, on one thread: a damaged file can make several wait for each other.

    Raises:
        VideoRefusedError: There is none.
        av.FFmpegError: The file cannot be read.
    """
    with open_media(path, timeout_s) as container:
        stream = _prepare(container, index)
        frames = _take(_decode(container, stream), SAMPLED_FRAMES)
    if not frames:
        raise VideoRefusedError("none of its frames can be decoded")
    return frames


def sample_fields(path: Path, index: int, pts: Sequence[int], keyframes: Sequence[int], timeout_s: float) -> list[bool]:
    """Tell of frames spread over a video whether they are interlaced.

    A film may begin with a progressive logo, and a recording change with the programme. Where no times are known,
    keyframes are looked at from the beginning on.

    Args:
        path: The file.
        index: The stream.
        pts: Presentation times of all frames, ascending.
        keyframes: Those of keyframes; decoding begins at one, so places that share it are looked at once.
        timeout_s: Give up on any single read after so long.

    Returns:
        One a frame, as many as could be decoded in a minute.
    """
    found: list[bool] = []
    deadline = time.monotonic() + SAMPLING_S
    try:
        with open_media(path, timeout_s) as container:
            stream = _prepare(container, index)
            timed = container.format.name not in RAW_FORMATS and len(pts)
            for frame in (
                _visit(container, stream, pts, sorted(keyframes)) if timed else _list_keyframes(container, stream)
            ):
                found.append(frame.interlaced_frame)
                if time.monotonic() > deadline:
                    break
    except av.FFmpegError as error:  # a file that cannot be sought in is judged by what was seen of it
        raise_machine_failure(error, path)
    return found


def _visit(
    container: InputContainer, stream: VideoStream, pts: Sequence[int], keyframes: Sequence[int]
) -> Iterator[av.VideoFrame]:
    places = {pts[len(pts) * i // PLACES] for i in range(1, PLACES)}
    begins = {bisect_right(keyframes, place): place for place in sorted(places, reverse=True)}
    for place in sorted(begins.values() if keyframes else places):
        container.seek(place, stream=stream)
        yield from _take(_decode(container, stream), FRAMES_A_PLACE)


def _list_keyframes(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    stream.codec_context.skip_frame = "NONKEY"
    return _decode(container, stream)


def _prepare(container: InputContainer, index: int) -> VideoStream:
    stream = container.streams[index]
    assert isinstance(stream, VideoStream)  # noqa: S101 - it was chosen among the videos
    stream.codec_context.thread_type = "NONE"
    return stream


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    for packet in read_packets(container, [stream]):
        with suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _take(frames: Iterator[av.VideoFrame], count: int) -> list[av.VideoFrame]:
    return [frame for _, frame in zip(range(count), frames, strict=False)]
