"""Join stylized segments and everything else of the source into the finished video, copying packets.

Timestamps of segments are ignored: frame n of the segments is shown when frame n of the plan was. As the segments
have no B-frames, frames are decoded in the order they are shown, and the decoding times are the same.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from triptych.storage.local_files import add_ending, replace_file
from triptych.video.media.colours import tag_output
from triptych.video.media.containers import CONTAINERS, Container, choose_container
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoInfo
from triptych.video.params import EncodingParams

__all__ = ["RestitchingError", "restitch", "target_name"]

_INTERLEAVED_S = 30  # how far streams of a file may be apart, generously
LONGEST_CLOCK = 2**31 - 1
MUXER_METADATA = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "vendor_id"}
HEVC_TAG = "hvc1"  # the only one that Apple's players take
STYLIZED_AWAY = {"alpha_mode", "ALPHA_MODE"}


class RestitchingError(RuntimeError):
    """Segments do not fit together or do not hold the frames of the plan."""


def target_name(info: VideoInfo, encoding: EncodingParams) -> str:
    """Return the file name of the result: the source's, plus the suffix of its container where that is another."""
    container, _ = choose_container(info, encoding)
    same = CONTAINERS.get(info.container) is container and Path(info.name).suffix
    return info.name if same else add_ending(info.name, container.suffix)


def restitch(
    source: Path,
    info: VideoInfo,
    segments: Sequence[Path],
    target: Path,
    encoding: EncodingParams,
    until: Fraction | None = None,
) -> list[str]:
    """Write the finished video; it appears under its name only when complete.

    Args:
        source: The original file, from which all other streams are copied.
        info: Its description (the normalised one where it was normalised).
        segments: The segments in order.
        target: File to write.
        encoding: Which container is wanted.
        until: Second of the source from which on its other streams are left out; None for all of them.

    Returns:
        Warnings about what the container cannot hold.

    Raises:
        RestitchingError: Segments differ in their settings or in number of frames from the plan.
        OSError: The machine failed, for example by a full disk.
        MemoryError: Memory ran out.
    """
    container, warnings = choose_container(info, encoding)
    try:
        with replace_file(target) as part:
            _join(source, info, segments, part, container, until)
    except av.FFmpegError as error:
        raise_machine_failure(error)
        raise RestitchingError(f"{container.suffix[1:]} does not take its streams ({error.strerror})") from None
    return warnings


def _join(
    source: Path, info: VideoInfo, segments: Sequence[Path], part: Path, container: Container, until: Fraction | None
) -> None:
    with open_media(source) as original, av.open(str(segments[0])) as first:
        options = _muxer_options(container, info, original.metadata)
        with av.open(str(part.absolute()), "w", format=container.name, options=options) as output:
            video, others = _add_streams(output, original, first.streams.video[0], info, container)
            _copy_metadata(output, original, info, container)
            clips = _read_segments(segments, info, video)
            copies = _read_others(original, others, until)
            for _, _, packet in heapq.merge(clips, copies, key=lambda item: item[:2]):
                output.mux(packet)


def _muxer_options(container: Container, info: VideoInfo, metadata: Mapping[str, str]) -> dict[str, str]:
    """Make the muxer keep times as they are, and write the same bytes every time."""
    options = {"avoid_negative_ts": "disabled", "fflags": "+bitexact"}
    if container.name == "mpegts":
        return {**options, "mpegts_copyts": "1"}
    if container.name in ("mp4", "mov"):
        clock = info.time_base.denominator
        clock *= max(1, -(-1000 // clock))
        rates = [stream.sample_rate for stream in info.streams if stream.type == "audio" and stream.sample_rate]
        # Offsets of streams are kept in the movie's clock, which must have a tick wherever a stream may begin.
        shared = math.lcm(clock, *rates)
        movie = shared if shared <= LONGEST_CLOCK else clock
        options |= {"video_track_timescale": str(clock), "movie_timescale": str(movie), "movflags": "+faststart"}
        # Names such as com.apple.quicktime.make have a place of their own, which leaves none for cover pictures.
        if any("." in name for name in metadata) and not any(stream.picture for stream in info.streams):
            options["movflags"] += "+use_metadata_tags"
    return options


def _add_streams(
    output: OutputContainer, original: InputContainer, template: VideoStream, info: VideoInfo, container: Container
) -> tuple[VideoStream, dict[int, Stream]]:
    """Create the streams of the result in the source's order; return the video and the others by source index."""
    video, others = None, {}
    for stream in original.streams:
        if stream.index == info.video_index:
            video = output.add_stream_from_template(template, opaque=True)
            video.time_base = info.time_base
            video.codec_context.color_range = {"tv": 1, "pc": 2}.get(tag_output(info).range, 0)
            if info.sample_aspect_ratio:  # AV1 says nothing of it, so the container must
                video.codec_context.sample_aspect_ratio = info.sample_aspect_ratio
            if template.codec_context.name == "hevc" and container.name in ("mp4", "mov"):
                video.codec_context.codec_tag = HEVC_TAG
            if info.display_matrix:
                video.set_display_matrix(info.display_matrix)
            _describe(video, stream)
            for name in STYLIZED_AWAY & video.metadata.keys():
                del video.metadata[name]
        elif stream.type != "data" and container.holds(info.streams[stream.index]):
            others[stream.index] = output.add_stream_from_template(stream, opaque=True)
            _describe(others[stream.index], stream)
    assert video is not None  # noqa: S101 - info is the source's
    return video, others


def _describe(copy: Stream, stream: Stream) -> None:
    copy.metadata.update({name: value for name, value in stream.metadata.items() if name.lower() not in MUXER_METADATA})
    copy.disposition = stream.disposition


def _copy_metadata(output: OutputContainer, original: InputContainer, info: VideoInfo, container: Container) -> None:
    kept = {name: value for name, value in original.metadata.items() if name.lower() not in MUXER_METADATA}
    output.metadata.update(kept)
    if info.chapters and container.chapters:
        output.set_chapters(original.chapters())


Timed = tuple[Fraction, int, "Packet[Any]"]


def _read_segments(segments: Sequence[Path], info: VideoInfo, video: VideoStream) -> Iterator[Timed]:
    """Yield the packets of all segments at the times of the plan."""
    plan = iter(zip(info.pts, info.durations, strict=True))
    settings, frames = None, 0
    for segment in segments:
        with av.open(str(segment)) as container:
            stream = container.streams.video[0]
            settings = settings or stream.codec_context.extradata
            if stream.codec_context.extradata != settings:
                raise RestitchingError(f"{segment.name} was encoded with other settings than the first segment")
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                frames += 1
                pts, duration = next(plan, (None, 0))
                if pts is None:
                    raise RestitchingError(f"the segments hold more frames than the {info.frames} of the plan")
                packet.stream, packet.time_base = video, info.time_base
                packet.pts = packet.dts = pts
                packet.duration = duration
                yield pts * info.time_base, -1, packet
    if frames != info.frames:
        raise RestitchingError(f"the segments hold {frames} of the {info.frames} frames of the plan")


def _read_others(original: InputContainer, others: dict[int, Stream], until: Fraction | None = None) -> Iterator[Timed]:
    """Yield the packets of all other streams unchanged, up to a second if one is given."""
    kept = [original.streams[index] for index in others]
    latest = Fraction(-(2**40))
    for packet in read_packets(original, kept):
        if not packet.size:
            continue
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.dts is not None:
            # Only for merging: what the file holds out of order is written in the file's order.
            latest = max(latest, packet.dts * packet.time_base)
        if until is not None and packet.pts is not None and packet.pts * packet.time_base >= until:
            if latest > until + _INTERLEAVED_S:
                return
            continue
        index = packet.stream.index
        packet.stream = others[index]
        yield latest, index, packet
