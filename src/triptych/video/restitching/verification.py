"""Measure what a finished video has kept of its source."""

from __future__ import annotations

import dataclasses
import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.packet import Packet

from triptych.video.media.colours import tag_output
from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import ColourTags, VideoInfo
from triptych.video.params import PlanningParams
from triptych.video.planning.probing import probe_video

__all__ = ["compare_videos", "is_exact"]

KEPT = ("audio_identical", "size_kept", "rotation_kept", "sample_aspect_ratio_kept", "colours_kept")


@dataclasses.dataclass
class _Copied:
    """What was read of a stream that should have been copied."""

    digest: Any = dataclasses.field(default_factory=hashlib.sha256)
    times: list[Fraction] = dataclasses.field(default_factory=list)
    packets: int = 0


def compare_videos(source: Path, info: VideoInfo, target: Path) -> dict[str, Any]:
    """Compare a result with its source.

    Args:
        source: The original file.
        info: Its description (the normalised one where it was normalised).
        target: The result.

    Returns:
        `frames_in`, `frames_out`, `max_pts_error_ms` (over frames, by order), `audio_identical` (the payload of
        every audio stream, by SHA-256; true without any), `audio_streams`, `max_audio_error_ms` (over the starts
        of packets), whether size, rotation, sample aspect ratio and colour tags were kept, how many subtitle
        streams and chapters there were and are, and whether subtitles are identical.
    """
    result = probe_video(target, PlanningParams(max_pixels=2**62))
    sound, sound_kept = _read_copied(source, "audio"), _read_copied(target, "audio")
    text, text_kept = _read_copied(source, "subtitle"), _read_copied(target, "subtitle")
    return {
        "frames_in": info.frames,
        "frames_out": result.frames,
        "max_pts_error_ms": _largest_error(
            [pts * info.time_base for pts in info.pts], [pts * result.time_base for pts in result.pts]
        ),
        "audio_streams": len(sound),
        "audio_identical": _digest(sound) == _digest(sound_kept),
        "max_audio_error_ms": max(
            (_largest_error(a.times, b.times) for a, b in zip(sound, sound_kept, strict=False)), default=0.0
        ),
        "size_kept": (result.width, result.height) == (info.width, info.height),
        "rotation_kept": result.display_matrix == info.display_matrix,
        "sample_aspect_ratio_kept": (result.sample_aspect_ratio or 1) == (info.sample_aspect_ratio or 1),
        "colours_kept": _spell_out(result.colours) == _spell_out(tag_output(info)),
        "subtitles_in": len(text),
        "subtitles_out": len(text_kept),
        "subtitles_identical": _digest(text) == _digest(text_kept),
        "chapters_in": len(info.chapters),
        "chapters_out": len(result.chapters),
    }


def is_exact(comparison: dict[str, Any], tick_ms: float = 0.0) -> bool:
    """Tell whether nothing was lost: frames, times (within a tick), sound, size and tags."""
    return (
        comparison["frames_in"] == comparison["frames_out"]
        and comparison["max_pts_error_ms"] <= tick_ms
        and all(comparison[name] for name in KEPT)
    )


def _largest_error(expected: list[Fraction], found: list[Fraction]) -> float:
    """Return the largest difference in milliseconds of what both have."""
    return max((float(abs(a - b)) * 1000 for a, b in zip(expected, found, strict=False)), default=0.0)


def _spell_out(tags: ColourTags) -> ColourTags:
    """Write limited range, which is what YUV without a tag has, as such: H.264 leaves it out."""
    return dataclasses.replace(tags, range="tv") if tags.range == "unknown" else tags


def _digest(streams: list[_Copied]) -> list[str]:
    return [stream.digest.hexdigest() for stream in streams]


def _read_copied(path: Path, kind: str) -> list[_Copied]:
    """Read the packets of all streams of a kind that have any."""
    with open_media(path) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        copied = {stream.index: _Copied() for stream in streams}
        for packet in read_packets(container, streams):
            if packet.size:
                stream = copied[packet.stream_index]
                stream.packets += 1
                stream.digest.update(_payload(packet))
                if packet.pts is not None:
                    stream.times.append(packet.pts * packet.time_base)
    return [stream for stream in copied.values() if stream.packets]


def _payload(packet: Packet[Any]) -> memoryview:
    """Return the bytes of a packet without an ADTS header, which mpegts has around AAC and mp4 has not."""
    data, context = memoryview(packet), packet.stream.codec_context
    if context is not None and context.name == "aac" and len(data) > 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data
