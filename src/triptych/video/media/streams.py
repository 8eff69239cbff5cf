"""The streams of a source: which is stylized, what the others are, and which are not kept."""

from __future__ import annotations

from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from triptych.video.media.info import StreamInfo, VideoRefusedError
from triptych.video.media.truncation import is_webm
from triptych.video.params import PlanningParams

__all__ = ["choose_stream", "describe_stream", "name_container", "warn_of_streams"]


def choose_stream(container: InputContainer, planning: PlanningParams) -> VideoStream:
    """Choose the video that players show: the default one, else the first; cover pictures are none.

    Raises:
        VideoRefusedError: There is no video, or its frames are too large.
    """
    videos = _list_videos(container)
    if not videos:
        kinds = sorted({"cover picture" if stream.type == "video" else stream.type for stream in container.streams})
        raise VideoRefusedError(f"it has no video, only {' and '.join(kinds) or 'nothing'}")
    chosen = next((stream for stream in videos if stream.disposition & Disposition.default), videos[0])
    if chosen.codec_context is None:
        raise VideoRefusedError("its video codec is unknown")
    width, height = chosen.width, chosen.height
    if not width or not height:
        raise VideoRefusedError("it does not say how large its frames are")
    if width * height > planning.max_pixels:
        raise VideoRefusedError(f"its frames have {width}x{height} pixels, above max_pixels = {planning.max_pixels}")
    return chosen


def warn_of_streams(container: InputContainer, chosen: VideoStream) -> list[str]:
    """Say which streams are not stylized or not kept."""
    others = [stream for stream in _list_videos(container) if stream.index != chosen.index]
    warnings = [f"video stream {s.index} is kept as it is, only stream {chosen.index} is stylized" for s in others]
    # A QuickTime chapter track is written anew from the chapters.
    data = [] if container.chapters() else [stream for stream in container.streams if stream.type == "data"]
    return warnings + [f"data stream {stream.index} is not kept" for stream in data]


def describe_stream(stream: Stream) -> StreamInfo:
    """Note what matters of a stream for later steps.

    A stream of sound that is announced but never comes has no sample rate, and cannot be written: it gets no codec.
    """
    context = stream.codec_context
    sample_rate = getattr(context, "sample_rate", 0) or 0
    known = context is not None and (sample_rate > 0 or stream.type != "audio")
    return StreamInfo(
        index=stream.index,
        type=stream.type,
        codec=context.codec.canonical_name if known else "",
        sample_rate=sample_rate,
        picture=bool(stream.disposition & Disposition.attached_pic),
    )


def name_container(path: Path, container: InputContainer) -> str:
    """Name the kind of a file, telling apart what FFmpeg reads alike."""
    name = container.format.name
    if name.startswith("mov"):
        return "mov" if container.metadata.get("major_brand", "qt").strip() == "qt" else "mp4"
    if name.startswith("matroska"):
        return "webm" if is_webm(path) else "mkv"
    return name.split(",")[0]


def _list_videos(container: InputContainer) -> list[VideoStream]:
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
