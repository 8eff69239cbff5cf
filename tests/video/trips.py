"""Send a video through everything but a network: probe, normalise, plan, decode, encode, restitch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from triptych.video.media.conversion import plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.media.encoding import SegmentWriter
from triptych.video.media.planes import extract_planes
from triptych.video.params import EncodingParams, PlanningParams
from triptych.video.planning.normalising import normalise_video
from triptych.video.planning.probing import VideoInfo, probe_video
from triptych.video.planning.segments import cut_into_segments
from triptych.video.restitching.joining import restitch, target_name

ClipMaker = Callable[[str], Path]
PLANNING = PlanningParams(timeout_s=60)
FAST = EncodingParams(preset="ultrafast", timeout_s=60)
# Flags of libswscale's swscale.h, which PyAV names from 18 on and takes as numbers before.
SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND = 0x2000, 0x40000


def send(
    path: Path,
    folder: Path,
    planning: PlanningParams = PLANNING,
    encoding: EncodingParams = FAST,
    segment_frames: int = 11,
) -> tuple[VideoInfo, Path]:
    """Return what was known of the video, and the result."""
    info = probe_video(path, planning)
    frames, info = normalise_video(path, info, folder, planning)
    segments = encode_segments(frames, info, folder, encoding, segment_frames)
    target = folder / target_name(info, encoding)
    restitch(path, info, segments, target, encoding)
    return info, target


def encode_segments(
    frames: Path, info: VideoInfo, folder: Path, encoding: EncodingParams = FAST, segment_frames: int = 11
) -> list[Path]:
    segments, conversion = [], plan_conversion(info, encoding)
    for segment in cut_into_segments(info, segment_frames, 0):
        segments.append(folder / "segments" / f"{segment.index:05d}.mp4")
        with SegmentWriter(segments[-1], info, encoding) as writer:
            for _, planes in read_planes(frames, info, segment.pts):
                writer.write(conversion.convert(planes))
    return segments


def decode(path: Path, index: int = 0) -> list[av.VideoFrame]:
    """Decode everything from the start, as the tests' own view of what a file shows."""
    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams.video[index]
        return list(container.decode(stream))


def convert(info: VideoInfo, frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return RGB of 8 bits as our own conversion makes it."""
    conversion = plan_conversion(info)
    return conversion.to_bytes(extract_planes(frame, conversion.source))


def show(frame: av.VideoFrame, shrink: int = 1) -> NDArray[np.int16]:
    """Return RGB as swscale converts it, exactly and with the frame's own tags, shrunk if asked for."""
    if frame.format.name.startswith("yuv"):
        frame.color_range = frame.color_range or 1
    size = {"width": frame.width // shrink, "height": frame.height // shrink}
    exact = Interpolation.AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
    return frame.reformat(format="rgb24", interpolation=exact, **size).to_ndarray().astype(np.int16)
