"""Measure what a finished video has kept of its source.

Times, number of frames and sound are read from the source file itself, never taken from the plan: what planning got
wrong must show here.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.packet import Packet

from triptych.video.media.colours import tag_output
from triptych.video.media.info import ColourTags, VideoInfo
from triptych.video.params import PlanningParams
from triptych.video.planning.gaps import read_frame_times
from triptych.video.planning.probing import probe_video

__all__ = ["compare_videos", "is_exact"]

KEPT = ("audio_identical", "size_kept", "rotation_kept", "sample_aspect_ratio_kept", "colours_kept")
SOUND_TOLERANCE_MS = 1.0  # some containers count sound in milliseconds


PERMISSIVE = PlanningParams(max_pixels=2**62, hdr="tone_map")
Times = list[Fraction | None]


@dataclasses.dataclass
class _Copied:
    """What was read of a stream that should have been copied."""

    kind: str
    digest: Any = dataclasses.field(default_factory=hashlib.sha256)
    times: Times = dataclasses.field(default_factory=list)

    def add(self, packet: Packet[Any]) -> None:
        self.digest.update(_payload(packet))
        self.times.append(None if packet.pts is None else packet.pts * packet.time_base)


@dataclasses.dataclass
class _Read:
    """One file, read once: its description and the packets of its sound and subtitles."""

    info: VideoInfo
    copied: dict[int, _Copied]

    def list_streams(self, kind: str) -> list[_Copied]:
        """List the streams of a kind that have any packets."""
        return [stream for _, stream in sorted(self.copied.items()) if stream.kind == kind]


def compare_videos(source: Path, info: VideoInfo, target: Path) -> dict[str, Any]:
    """Compare a result with its source.

    Args:
        source: The original file.
        info: Its description (the normalised one where it was normalised).
        target: The result.

    Returns:
        `frames_in`, `frames_out`, `max_pts_error_ms` (over the frames whose time the source states, by order),
        `audio_identical` (the payload of every audio stream, by SHA-256; true without any), `audio_streams`,
        `max_audio_error_ms` (over the starts of packets), `sound_offset_error_ms` (of the begin of sound to that of
        the picture), whether size, rotation, sample aspect ratio and colour tags were kept, how many subtitle
        streams and chapters there were and are, and whether subtitles are identical.
    """
    original = _read(source, PERMISSIVE.replace(damaged="conceal" if info.conceal else "refuse"))
    result = _read(target, PERMISSIVE)
    sound, sound_kept = original.list_streams("audio"), result.list_streams("audio")
    text, text_kept = original.list_streams("subtitle"), result.list_streams("subtitle")
    stated, found = _list_times(source, original.info, info), [at * result.info.time_base for at in result.info.pts]
    comparable = [at if was is not None else None for was, at in zip(stated, found, strict=False)]
    pairs = list(zip(sound, sound_kept, strict=False))
    return {
        "frames_in": len(stated),
        "frames_out": len(found),
        "max_pts_error_ms": _largest_error(stated, found),
        "audio_streams": len(sound),
        "audio_identical": _digest(sound) == _digest(sound_kept),
        "max_audio_error_ms": max((_largest_error(a.times, b.times) for a, b in pairs), default=0.0),
        "sound_offset_error_ms": max(
            (abs(_find_offset(stated, a.times) - _find_offset(comparable, b.times)) for a, b in pairs), default=0.0
        ),
        "size_kept": (result.info.width, result.info.height) == (info.width, info.height),
        "rotation_kept": result.info.display_matrix == original.info.display_matrix,
        "sample_aspect_ratio_kept": (result.info.sample_aspect_ratio or 1) == (original.info.sample_aspect_ratio or 1),
        "colours_kept": _spell_out(result.info.colours) == _spell_out(tag_output(info)),
        "subtitles_in": len(text),
        "subtitles_out": len(text_kept),
        "subtitles_identical": _digest(text) == _digest(text_kept),
        "chapters_in": len(original.info.chapters),
        "chapters_out": len(result.info.chapters),
    }


def is_exact(comparison: dict[str, Any], tick_ms: float = 0.0) -> bool:
    """Tell whether nothing was lost: frames, times (within a tick), sound and its offset, size and tags."""
    return (
        comparison["frames_in"] == comparison["frames_out"]
        and comparison["max_pts_error_ms"] <= tick_ms
        and comparison["sound_offset_error_ms"] <= max(tick_ms, SOUND_TOLERANCE_MS)
        and all(comparison[name] for name in KEPT)
    )


def _read(path: Path, planning: PlanningParams) -> _Read:
    copied: dict[int, _Copied] = {}

    def watch(packet: Packet[Any]) -> None:
        if packet.size and packet.stream.type in ("audio", "subtitle"):
            copied.setdefault(packet.stream_index, _Copied(packet.stream.type)).add(packet)

    return _Read(probe_video(path, planning, watch, look_for_fields=False), copied)


def _list_times(source: Path, original: VideoInfo, plan: VideoInfo) -> Times:
    """List when the source shows its frames; None where it does not say, and the plan's where it says nothing."""
    if "timestamps" not in original.needs and "gaps" not in original.needs:
        return [at * original.time_base for at in original.pts]
    times = read_frame_times(source, original.video_index, PERMISSIVE.timeout_s)
    if "gaps" in original.needs:
        return [None if time.pts is None else time.pts * original.time_base for time in times]
    planned: Times = [at * plan.time_base for at in plan.pts]
    return planned[: len(times)] + [None] * (len(times) - len(planned))


def _largest_error(expected: Times, found: Sequence[Fraction | None]) -> float:
    """Return the largest difference in milliseconds of what both have."""
    pairs = zip(expected, found, strict=False)
    return max((float(abs(a - b)) * 1000 for a, b in pairs if a is not None and b is not None), default=0.0)


def _find_offset(picture: Times, sound: Times) -> float:
    """Return by how many milliseconds sound begins after the picture, by the first times that are known."""
    begins = [next((at for at in times if at is not None), Fraction(0)) for times in (sound, picture)]
    return float(begins[0] - begins[1]) * 1000


def _spell_out(tags: ColourTags) -> ColourTags:
    """Write limited range, which is what YUV without a tag has, as such: H.264 leaves it out."""
    return dataclasses.replace(tags, range="tv") if tags.range == "unknown" else tags


def _digest(streams: list[_Copied]) -> list[str]:
    return [stream.digest.hexdigest() for stream in streams]


def _payload(packet: Packet[Any]) -> memoryview:
    """Return the bytes of a packet without an ADTS header, which mpegts has around AAC and mp4 has not."""
    data, context = memoryview(packet), packet.stream.codec_context
    if context is not None and context.name == "aac" and len(data) > 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data
