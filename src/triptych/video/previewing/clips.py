"""The first frames of videos in their styles, with sound."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import av

from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.blends import choose_blend
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.segments import cut_into_segments, hash_settings
from triptych.video.previewing.looks import Notes, note
from triptych.video.previewing.stills import Previewed
from triptych.video.restitching.finishing import name_results
from triptych.video.restitching.joining import RestitchingError, restitch
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.store import SegmentStore

__all__ = ["keep_first", "make_clips"]


def make_clips(
    videos: Sequence[Previewed],
    sources: Path,
    normalised: Path,
    style_model: Path,
    target: Path,
    frames: int,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
    notes: Notes,
) -> None:
    """Write a short clip of each video, as a whole run would begin; one that cannot be loses no other.

    Args:
        videos: The videos.
        sources: Folder of them.
        normalised: Folder of those that were rewritten.
        style_model: The default style; others lie beside it.
        target: Folder for the clips, which are called as finished videos are.
        frames: Length of a clip.
        style: Which style goes with which.
        smoothing: What is done against flicker.
        encoding: How clips are encoded.
        notes: What could not be made is added to them.
    """
    chosen = [_plan(video, normalised, style_model, frames, style, smoothing, notes) for video in videos]
    planned = [video for video in chosen if video is not None]
    if not planned:
        return
    plan = {"videos": [video.to_json() for video in planned], "refused": []}
    with tempfile.TemporaryDirectory(prefix="triptych-preview-") as folder:
        store = SegmentStore(Path(folder))
        report = stylize_as_rank(sources, normalised, plan, style_model, store.folder, style, smoothing, encoding)
        files = name_results(planned, encoding)
        for video in planned:
            _join(video, report["keys"][video.name], sources, store, target / files[video.name], encoding, notes)


def keep_first(info: VideoInfo, frames: int) -> VideoInfo:
    """Describe the first frames of a video as if it had no others; the last one is shown as long as it was."""
    if frames >= info.frames:
        return info
    pts = info.pts[:frames]
    keyframes = tuple(at for at in info.keyframes if at <= pts[-1])
    return replace(info, pts=pts, last_duration=info.pts[frames] - pts[-1], keyframes=keyframes, chapters=())


def _plan(
    video: Previewed,
    normalised: Path,
    style_model: Path,
    frames: int,
    style: StyleParams,
    smoothing: SmoothingParams,
    notes: Notes,
) -> PlannedVideo | None:
    try:
        blend = choose_blend(video.name, style, style_model).in_seconds(video.info)
    except ValueError as error:
        note(notes, video.name, f"no clip: {error}")
        return None
    info = keep_first(video.info, frames)
    rewritten = str(video.frames.relative_to(normalised)) if normalised in video.frames.parents else ""
    lead = smoothing.lead_frames if smoothing.method != "none" else 0
    segments = tuple(cut_into_segments(info, frames, lead))
    return PlannedVideo(video.name, info, rewritten, blend, hash_settings({"name": video.name}), segments)


def _join(
    video: PlannedVideo,
    keys: Sequence[str],
    sources: Path,
    store: SegmentStore,
    target: Path,
    encoding: EncodingParams,
    notes: Notes,
) -> None:
    failures = [store.failure(key) or "it was not made" for key in keys if store.find(key) is None]
    if failures:
        note(notes, video.name, f"no clip: {failures[0]}")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    info, source = video.info, sources / PurePosixPath(video.name)
    end = (info.pts[-1] + info.last_duration) * info.time_base
    try:
        restitch(source, info, [store.fetch_video(key) for key in keys], target, encoding, until=end)
    except (VideoRefusedError, RestitchingError, av.FFmpegError) as error:
        raise_machine_failure(error, source)
        note(notes, video.name, f"no clip: {error}")
