"""Rewrite the frames of videos that cannot be planned as they are.

Only the frames are rewritten, without loss, into a file of their own; sound and everything else are always copied
from the original.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from triptych.storage.local_files import replace_file
from triptych.video.media.ffmpeg import FFmpegError, run_ffmpeg
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.params import PlanningParams
from triptych.video.planning.probing import probe_video

__all__ = ["normalise_video"]

FROM_ORIGINAL = ("name", "container", "duration_s", "video_index", "display_matrix", "rotation", "streams",
                 "chapters", "needs", "warnings", "sample_aspect_ratio")  # fmt: skip


def normalise_video(
    path: Path, info: VideoInfo, folder: Path, planning: PlanningParams, threads: int = 0
) -> tuple[Path, VideoInfo]:
    """Rewrite a video's frames where they need it.

    Untimed frames are counted at the stated rate. Interlaced ones are deinterlaced (bwdif) one by one, so their
    number and times stay. HDR is tone-mapped (Hable) to BT.709.

    Args:
        path: The source.
        info: Its description.
        folder: Where the rewritten frames go; `<name>.frames.mp4`.
        planning: Limits.
        threads: Of FFmpeg; 0 takes every core.

    Returns:
        The file to read frames from and the description to plan by: both as given where nothing is needed.

    Raises:
        VideoRefusedError: It cannot be done, or took longer than `timeout_s`.
    """
    if not info.needs:
        return path, info
    target = folder / f"{path.name}.frames.mp4"
    try:
        with replace_file(target) as part:
            run_ffmpeg(_describe_rewriting(path, info, part, threads), planning.timeout_s)
    except FFmpegError as error:
        raise VideoRefusedError(f"it could not be normalised: {error}") from None
    frames = probe_video(target, planning.replace(interlaced="deinterlace", hdr="tone_map"))
    if frames.needs:
        raise VideoRefusedError(f"it still needs {' and '.join(frames.needs)} after normalising")
    kept = {name: getattr(info, name) for name in FROM_ORIGINAL}
    return target, dataclasses.replace(frames, **kept)


def _describe_rewriting(path: Path, info: VideoInfo, target: Path, threads: int) -> Any:
    timed = "timestamps" not in info.needs
    options = {} if timed else {"r": str(info.rate)}
    source = ffmpeg.input(str(path.absolute()), noautorotate=None, threads=threads, **options)
    frames = source[str(info.video_index)]
    if "deinterlacing" in info.needs:
        frames = frames.filter("bwdif", mode="send_frame", parity="auto", deint="all")
    if "tone_mapping" in info.needs:
        frames = _tone_map(frames)
    clock = info.time_base.denominator if timed else info.rate.numerator
    clock *= max(1, -(-1000 // clock))
    return frames.output(
        str(target.absolute()), format="mp4", vcodec="libx264", pix_fmt=_choose_pixels(info), qp=0,
        preset="ultrafast", g=48, bf=0, fps_mode="passthrough", enc_time_base=f"1/{clock}",
        video_track_timescale=clock, copyts=None, avoid_negative_ts="disabled", threads=threads,
    ).global_args("-filter_threads", str(threads))  # fmt: skip


def _tone_map(frames: Any) -> Any:
    linear = frames.filter("zscale", transfer="linear", npl=100).filter("format", "gbrpf32le")
    mapped = linear.filter("zscale", primaries="bt709").filter("tonemap", "hable", desat=0)
    return mapped.filter("zscale", transfer="bt709", matrix="bt709", range="tv").filter("format", "yuv420p")


def _choose_pixels(info: VideoInfo) -> str:
    """Choose the format of x264 that holds the source's samples, chroma and depth."""
    if "tone_mapping" in info.needs:
        return "yuv420p"
    full = "444" if "444" in info.pixel_format else "422" if "422" in info.pixel_format else "420"
    if info.width % 2 or info.height % 2 or not info.pixel_format.startswith(("yuv", "nv", "p0")):
        full = "444"
    return f"yuv{full}p" + ("10le" if info.bit_depth > 8 else "")
