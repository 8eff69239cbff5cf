"""Find out what a video holds and exactly when each frame is shown, decoding hardly any of it.

The presentation times come from the packets: sorted, without those the file marks as not shown, they equal the
times of the decoded frames. What cannot be handled exactly is refused here, with a reason for people.
"""

from __future__ import annotations

import errno
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from triptych.video.media.colours import HDR_TRANSFERS, WEIGHTS, name_tags
from triptych.video.media.failures import raise_machine_failure, refusing_garbage
from triptych.video.media.files import RAW_FORMATS, open_media
from triptych.video.media.info import Chapter, ColourTags, VideoInfo, VideoRefusedError
from triptych.video.media.streams import choose_stream, describe_stream, name_container, warn_of_streams
from triptych.video.media.timing import PacketTiming, Watch, measure_rate, read_timing
from triptych.video.media.truncation import find_truncation
from triptych.video.params import PlanningParams
from triptych.video.planning.damage import count_damaged, count_damaged_untimed
from triptych.video.planning.sampling import sample_fields, sample_frames
from triptych.video.planning.structure import find_break

__all__ = ["VideoInfo", "VideoRefusedError", "probe_video"]

FIELD_ORDERS = (2, 3, 4, 5)  # FFmpeg's AVFieldOrder; 1 is progressive
NEED_WARNINGS = {
    "timestamps": "the source has no timestamps: frames are timed by its stated rate",
    "gaps": "some frames of the source have no timestamp: they are shown between those that have",
    "deinterlacing": "the source is interlaced: it is deinterlaced, at the same number of frames",
    "deinterlacing_parts": "parts of the source are interlaced: the frames of those are deinterlaced",
    "tone_mapping": "the source is in HDR: it is tone-mapped to SDR (BT.709)",
}


def probe_video(
    path: Path, planning: PlanningParams, watch: Watch | None = None, *, look_for_fields: bool = True
) -> VideoInfo:
    """Describe a video.

    Args:
        path: The file.
        planning: Limits, and what becomes of interlaced, HDR and untimed sources.
        watch: Is shown the packets of all streams but the video, so that who needs both reads the file once.
        look_for_fields: Whether frames are decoded all over the file to tell if they are interlaced; else the first
            ones count.

    Returns:
        The description; its `needs` names what `normalise_video` must do first.

    Raises:
        VideoRefusedError: The file is no video, is damaged or cut off, or parameters say to refuse its kind.
        OSError: The machine failed.
        MemoryError: Memory ran out.
    """
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "the video is gone", str(path))
    if not path.stat().st_size:
        raise VideoRefusedError("the file is empty")
    if problem := find_truncation(path):
        raise VideoRefusedError(problem)
    try:
        with open_media(path, planning.timeout_s) as container, refusing_garbage():
            return _describe(path, container, planning, watch, look_for_fields)
    except av.error.ExitError:
        raise VideoRefusedError(f"reading it got no further for {planning.timeout_s:g} s") from None
    except av.FFmpegError as error:
        raise_machine_failure(error, path)
        raise VideoRefusedError(f"it is no video file that can be read ({error.strerror})") from None


def _describe(
    path: Path, container: InputContainer, planning: PlanningParams, watch: Watch | None, look_for_fields: bool
) -> VideoInfo:
    stream = choose_stream(container, planning)
    timing = read_timing(container, stream, watch)
    frames = sample_frames(path, stream.index, planning.timeout_s)
    fields = [frame.interlaced_frame for frame in frames]
    if look_for_fields:
        fields += sample_fields(path, stream.index, sorted(timing.shown), timing.keyframes, planning.timeout_s)
    needs = _list_needs(container, stream, frames[0], fields, timing, planning)
    tags = _read_tags(stream, frames[0])
    untimed = bool({"timestamps", "gaps"} & set(needs))
    first = next((frame.pts for frame in frames if frame.pts is not None), None)
    breaks = _check_structure(path, planning)
    warnings = [
        *warn_of_streams(container, stream),
        *breaks,
        *_check_packets(container, timing, planning, None if "timestamps" in needs else first),
        *_warn_of_pixels(frames[0], tags, stream),
        *(NEED_WARNINGS[need] for need in needs),
    ]
    pts = tuple(sorted(timing.shown))
    concealed = _count_concealed(path, stream.index, None if "timestamps" in needs else pts, planning)
    if concealed:
        warnings.append(f"{concealed} frames are damaged and were concealed")
    time_base = Fraction(stream.time_base or Fraction(1, 1000))
    rate = measure_rate(stream, () if untimed else pts, time_base)
    matrix = _read_matrix(frames[0])
    return VideoInfo(
        name=path.name,
        container=name_container(path, container),
        duration_s=(container.duration or 0) / av.time_base or len(pts) / float(rate),
        video_index=stream.index,
        frames_index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=stream.width,
        height=stream.height,
        time_base=time_base,
        pts=pts,
        last_duration=timing.last_duration(rate, time_base),
        keyframes=tuple(sorted(timing.keyframes)),
        rate=rate,
        rotation=frames[0].rotation if matrix else 0,
        display_matrix=matrix,
        sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 0),
        pixel_format=frames[0].format.name,
        bit_depth=max(component.bits for component in frames[0].format.components),
        colours=tags,
        streams=tuple(describe_stream(each) for each in container.streams),
        chapters=tuple(
            Chapter(each["id"], each["start"], each["end"], Fraction(each["time_base"] or 1), dict(each["metadata"]))
            for each in container.chapters()
        ),
        needs=tuple(needs),
        warnings=tuple(warnings),
        conceal=bool(concealed or breaks),
    )


def _count_concealed(path: Path, index: int, pts: tuple[int, ...] | None, planning: PlanningParams) -> int:
    if planning.damaged != "conceal":
        return 0
    if pts is None:
        return count_damaged_untimed(path, index, planning.timeout_s)
    return count_damaged(path, index, pts, planning.timeout_s)


def _states_fields(context: av.VideoCodecContext) -> bool:
    """Tell whether the stream's header says that frames are made of fields; PyAV before 18 does not read that."""
    return getattr(context, "field_order", 0) in FIELD_ORDERS


def _list_needs(
    container: InputContainer,
    stream: VideoStream,
    first: av.VideoFrame,
    fields: list[bool],
    timing: PacketTiming,
    planning: PlanningParams,
) -> list[str]:
    """List what must be normalised; refuse what parameters say to refuse."""
    kind, context = container.format.name, stream.codec_context
    # Raw streams hold no times and AVI only the order of decoding; FFmpeg then makes some up.
    invented = kind in RAW_FORMATS or (kind == "avi" and bool(context.has_b_frames))
    invented = invented or timing.untimed == timing.packets
    gaps = not invented and timing.untimed > 0
    mixed = len(set(fields)) > 1
    interlaced = not mixed and (_states_fields(context) or any(fields))
    transfers = {name_tags(0, 0, 0, code).transfer for code in (context.color_trc, first.color_trc)}
    found = {
        "timestamps": (invented, planning.missing_timestamps, "its frames have no timestamps"),
        "gaps": (gaps, planning.missing_timestamps, f"{timing.untimed} of its frames have no timestamp"),
        "deinterlacing": (interlaced, planning.interlaced, "it is interlaced"),
        "deinterlacing_parts": (mixed, planning.interlaced, "parts of it are interlaced"),
        "tone_mapping": (bool(transfers & set(HDR_TRANSFERS)), planning.hdr, "it is in HDR (PQ or HLG)"),
    }
    for present, choice, reason in found.values():
        if present and choice == "refuse":
            raise VideoRefusedError(f"{reason}, which the parameters of planning refuse")
    needs = [need for need, (present, _, _) in found.items() if present]
    if timing.repeated and not invented:
        raise VideoRefusedError(f"{timing.repeated} of its frames share their timestamp with another")
    return needs


def _check_packets(
    container: InputContainer, timing: PacketTiming, planning: PlanningParams, first: int | None
) -> list[str]:
    """Refuse a damaged file, and drop the frames that no player can show.

    A recording cut out of a stream may begin before its first keyframe, and may have lost packets.
    """
    warnings = []
    if timing.damaged:
        if container.format.name != "mpegts" and planning.damaged == "refuse":
            raise VideoRefusedError(f"the file is damaged: {timing.damaged} of its packets are incomplete")
        warnings.append(f"{timing.damaged} packets of the source are damaged")
    if first is not None and (lost := timing.drop_before(first)):
        warnings.append(f"{lost} frames before the first keyframe cannot be decoded and are left out")
    return warnings


def _check_structure(path: Path, planning: PlanningParams) -> list[str]:
    """Refuse a file between whose frames some are lost, or warn of it."""
    at = find_break(path)
    if at is None:
        return []
    if planning.damaged == "refuse":
        raise VideoRefusedError(f"the file is damaged: its structure breaks off at byte {at}")
    return [f"the structure of the source breaks off at byte {at}: frames may be missing"]


def _warn_of_pixels(frame: av.VideoFrame, tags: ColourTags, stream: VideoStream) -> list[str]:
    warnings, components = [], frame.format.components
    stated = {name.lower(): value for name, value in stream.metadata.items()}
    # VP8 and VP9 keep transparency in a second picture that their decoders leave out.
    if any(component.is_alpha for component in components) or stated.get("alpha_mode") == "1":
        warnings.append("transparency is not kept")
    if tags.space not in (*WEIGHTS, "unknown", "gbr"):
        warnings.append(f"the colour matrix {tags.space} is not known here: colours are handled as if untagged")
    return warnings + _warn_of_projection(frame, stereo_is_tag="stereo_mode" in stated)


def _warn_of_projection(frame: av.VideoFrame, *, stereo_is_tag: bool) -> list[str]:
    """Say what PyAV cannot copy; a tag of Matroska for stereoscopic video it can."""
    kinds, side_data = {"SPHERICAL": "spherical (360 degrees)"}, cast("Any", frame.side_data)
    kinds |= {} if stereo_is_tag else {"STEREO3D": "stereoscopic (3D)"}
    found = {data.type.name for data in side_data}
    return [f"that the source is {kind} is not kept" for name, kind in kinds.items() if name in found]


def _read_tags(stream: VideoStream, frame: av.VideoFrame) -> ColourTags:
    """Read the colour tags of the stream, and of its first frame where the stream has none (code 2)."""
    context = stream.codec_context
    pairs = (
        (context.colorspace, frame.colorspace),
        (context.color_primaries, frame.color_primaries),
        (context.color_trc, frame.color_trc),
    )
    return name_tags(context.color_range or frame.color_range, *(a if a != 2 else b for a, b in pairs))


def _read_matrix(frame: av.VideoFrame) -> tuple[int, ...]:
    """Return the display matrix, nine integers, or nothing where there is none."""
    side_data: Any = frame.side_data
    matrices = [bytes(data) for data in side_data if data.type.name == "DISPLAYMATRIX"]
    return struct.unpack("<9i", matrices[0]) if matrices else ()
