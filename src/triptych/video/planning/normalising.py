"""Rewrite the frames of videos that cannot be planned as they are.

Only the frames are rewritten, without loss, into a file of their own; sound and everything else are always copied
from the original.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import av
import ffmpeg  # type: ignore[import-untyped]

from triptych.storage.local_files import add_ending, replace_file
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.ffmpeg import FFmpegError, run_ffmpeg
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.params import PlanningParams
from triptych.video.planning.damage import count_damaged, count_damaged_untimed
from triptych.video.planning.gaps import fill_gaps, read_frame_times, read_start
from triptych.video.planning.probing import probe_video
from triptych.video.planning.retiming import choose_clock, retime_frames

__all__ = ["normalise_video"]

FROM_ORIGINAL = ("name", "container", "duration_s", "video_index", "display_matrix", "rotation", "streams",
                 "chapters", "needs", "warnings", "sample_aspect_ratio", "conceal")  # fmt: skip

DEINTERLACED = {"deinterlacing": "all", "deinterlacing_parts": "interlaced"}


def normalise_video(
    path: Path, info: VideoInfo, folder: Path, planning: PlanningParams, threads: int = 0
) -> tuple[Path, VideoInfo]:
    """Rewrite a video's frames where they need it.

    Where no frame has a time, they are counted at the stated rate; where some have, the others are shown between
    them. Interlaced ones are deinterlaced (bwdif) one by one, so their
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
        VideoRefusedError: It cannot be done, or got no further for `timeout_s`.
    """
    if not info.needs:
        return path, info
    target = folder / add_ending(path.name, ".frames.mp4")
    try:
        _refuse_damage(path, info, planning)
        with replace_file(target) as part:
            _rewrite(path, info, part, planning, threads)
    except FFmpegError as error:
        raise VideoRefusedError(f"it could not be normalised: {error}") from None
    except av.FFmpegError as error:
        raise_machine_failure(error)
        raise VideoRefusedError(f"it could not be normalised: {error.strerror}") from None
    frames = probe_video(target, planning.replace(interlaced="deinterlace", hdr="tone_map", damaged="refuse"))
    if frames.needs:
        raise VideoRefusedError(f"it still needs {' and '.join(frames.needs)} after normalising")
    kept = {name: getattr(info, name) for name in FROM_ORIGINAL}
    if info.conceal and not {"timestamps", "gaps"} & set(info.needs):
        # What did not come out at all is missed when frames are read, and is concealed there.
        kept["pts"] = tuple(int(pts * info.time_base / frames.time_base) for pts in info.pts)
    return target, dataclasses.replace(frames, **kept)


def _refuse_damage(path: Path, info: VideoInfo, planning: PlanningParams) -> None:
    """Refuse damaged frames before FFmpeg makes something of them that nobody can tell from sound ones.

    What is to be concealed has been counted when it was probed.
    """
    if planning.damaged == "conceal":
        return
    if "timestamps" in info.needs:
        damaged = count_damaged_untimed(path, info.video_index, planning.timeout_s)
    else:
        damaged = count_damaged(path, info.video_index, info.pts, planning.timeout_s)
    if damaged:
        raise VideoRefusedError(f"{damaged} of its frames are damaged, which the parameters of planning refuse")


def _rewrite(path: Path, info: VideoInfo, target: Path, planning: PlanningParams, threads: int) -> None:
    if "gaps" not in info.needs:
        run_ffmpeg(_describe_rewriting(path, info, target, threads), planning.timeout_s)
        return
    times = read_frame_times(path, info.video_index, planning.timeout_s)
    pts = fill_gaps(times, max(1, round(1 / (info.rate * info.time_base))))
    counted = target.with_name(f"{target.name}.counted")
    try:
        run_ffmpeg(_describe_rewriting(path, info, counted, threads), planning.timeout_s)
        retime_frames(counted, pts, info.time_base, target)
    finally:
        counted.unlink(missing_ok=True)


def _describe_rewriting(path: Path, info: VideoInfo, target: Path, threads: int) -> Any:
    timed = "timestamps" not in info.needs
    options = {} if timed else {"r": str(info.rate)}
    source = ffmpeg.input(str(path.absolute()), noautorotate=None, threads=threads, **options)
    frames = source[str(info.video_index)]
    if not timed:
        # What has times, as sound, begins there: the best that can be said of the picture.
        frames = frames.filter("setpts", f"PTS-STARTPTS+{read_start(path)}/TB")
    for need, which in DEINTERLACED.items():
        if need in info.needs:
            frames = frames.filter("bwdif", mode="send_frame", parity="auto", deint=which)
    if "tone_mapping" in info.needs:
        frames = _tone_map(frames)
    clock = choose_clock(info.time_base if timed else 1 / info.rate)
    if "gaps" in info.needs:  # FFmpeg guesses what is missing; frames are only counted, and timed afterwards
        frames = frames.filter("settb", f"1/{clock}").filter("setpts", "N")
    return frames.output(
        str(target.absolute()), format="mp4", vcodec="libx264", pix_fmt=_choose_pixels(info), qp=0,
        preset="ultrafast", g=48, bf=0, fps_mode="passthrough", enc_time_base=f"1/{clock}",
        video_track_timescale=clock, movie_timescale=clock, copyts=None, avoid_negative_ts="disabled", threads=threads,
    ).global_args("-filter_threads", str(threads))  # fmt: skip


def _tone_map(frames: Any) -> Any:
    linear = frames.filter("zscale", transfer="linear", npl=100).filter("format", "gbrpf32le")
    mapped = linear.filter("zscale", primaries="bt709").filter("tonemap", "hable", desat=0)
    return mapped.filter("zscale", transfer="bt709", matrix="bt709", range="tv").filter("format", "yuv420p10le")


def _choose_pixels(info: VideoInfo) -> str:
    """Choose the format of x264 that holds the source's samples, chroma and depth."""
    if "tone_mapping" in info.needs:
        return "yuv420p10le"
    full = "444" if "444" in info.pixel_format else "422" if "422" in info.pixel_format else "420"
    if info.width % 2 or info.height % 2 or not info.pixel_format.startswith(("yuv", "nv", "p0")):
        full = "444"
    return f"yuv{full}p" + ("10le" if info.bit_depth > 8 else "")
