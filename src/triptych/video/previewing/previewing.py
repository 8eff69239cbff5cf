"""What the videos of a landing folder would look like, before any of them is stylized."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.video.params import EncodingParams, PlanningParams, PreviewParams, SmoothingParams, StyleParams
from triptych.video.planning.sources import list_sources
from triptych.video.previewing.clips import make_clips
from triptych.video.previewing.looks import Look, Notes, find_looks, note
from triptych.video.previewing.sheet import draw_sheet, fit
from triptych.video.previewing.stills import Previewed, paint_still, prepare_videos, read_still

__all__ = ["preview"]

Picture = NDArray[np.uint8]
_Row = tuple[str, list[tuple[str, Picture]]]


def preview(
    sources: Path,
    style_model: Path,
    clips: Path,
    planning: PlanningParams,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
    wish: PreviewParams,
) -> tuple[Picture, Notes]:
    """Draw a still of each video in each style, and make short clips if they are wished for.

    Args:
        sources: Folder of the videos.
        style_model: The default style; the sheet shows all that lie beside it.
        clips: Empty folder for the clips.
        planning: What is refused.
        style: Strength, runtime, and the styles of the clips.
        smoothing: For the clips.
        encoding: For the clips.
        wish: What is wished for.

    Returns:
        The sheet, RGB, and what could not be shown: `name` and `reason` of each video or style file.
    """
    notes: Notes = []
    names, failed = list_sources(sources)
    for name, reason in failed.items():
        note(notes, name, f"it could not be fetched: {reason}")
    for name in names[wish.videos :]:
        note(notes, name, f"the sheet has {wish.videos} videos (video.preview.videos)")
    looks = find_looks(style_model, notes)
    with tempfile.TemporaryDirectory(prefix="triptych-normalised-") as folder:
        normalised = Path(folder)
        videos = prepare_videos(sources, names[: wish.videos], normalised, planning, notes)
        rows = [_draw_row(video, looks, style, wish, notes) for video in videos]
        if wish.first_frames:
            frames = wish.first_frames
            make_clips(videos, sources, normalised, style_model, clips, frames, style, smoothing, encoding, notes)
    last: list[_Row] = [(f"not shown: {each['name']}: {each['reason']}", []) for each in notes]
    return draw_sheet([*rows, *last] or [("no video", [])], wish.height_px), notes


def _draw_row(video: Previewed, looks: list[Look], style: StyleParams, wish: PreviewParams, notes: Notes) -> _Row:
    frame = read_still(video, notes)
    if frame is None:
        return video.name, []
    stills = paint_still(video.info, frame, looks, style)
    return video.name, [(caption, fit(picture, wish.height_px)) for caption, picture in stills]
