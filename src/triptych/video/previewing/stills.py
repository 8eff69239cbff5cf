"""One frame of a video, as it is and in every style."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.media.planes import Planes
from triptych.video.media.reader import DecodingError
from triptych.video.params import PlanningParams, StyleParams
from triptych.video.planning.normalising import normalise_video
from triptych.video.planning.probing import probe_video
from triptych.video.previewing.looks import Look, Notes, note

__all__ = ["Previewed", "paint_still", "prepare_videos", "read_still"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Previewed:
    """A video of the preview.

    Attributes:
        name: Its path in the landing folder.
        info: Its properties.
        frames: The file that its frames are read from.
    """

    name: str
    info: VideoInfo
    frames: Path


def prepare_videos(
    sources: Path, names: Sequence[str], normalised: Path, planning: PlanningParams, notes: Notes
) -> list[Previewed]:
    """Look at videos, and rewrite those that cannot be read as they are; what is refused loses no other.

    Args:
        sources: Folder of the videos.
        names: Their paths in it.
        normalised: Empty folder for those that are rewritten.
        planning: Limits.
        notes: What is refused is added to them.
    """
    prepared = []
    for number, name in enumerate(names):
        folder = normalised / str(number)
        folder.mkdir()
        try:
            info = probe_video(sources / name, planning)
            frames, info = normalise_video(sources / name, info, folder, planning)
        except VideoRefusedError as error:
            note(notes, name, str(error))
        else:
            prepared.append(Previewed(name, info, frames))
    return prepared


def read_still(video: Previewed, notes: Notes) -> Planes | None:
    """Read the frame in the middle of a video; None, with a note, where it cannot be decoded."""
    middle = video.info.frames // 2
    try:
        pts = video.info.pts[middle : middle + 1]
        with contextlib.closing(read_planes(video.frames, video.info, pts)) as frames:
            return next(frames)[1]
    except DecodingError as error:
        note(notes, video.name, str(error))
        return None


def paint_still(
    info: VideoInfo, frame: Planes, looks: Sequence[Look], style: StyleParams
) -> Iterator[tuple[str, Picture]]:
    """Paint a frame in every style, in its own size.

    Args:
        info: Its video.
        frame: Its planes.
        looks: The styles.
        style: Strength and all else; the runtime that needs least setting up where none is named.

    Yields:
        A caption, and RGB of 8 bits: first the frame as it was.
    """
    from triptych.video.runtimes.hardware import find_gpu
    from triptych.video.runtimes.making import create_stylizer

    conversion = plan_conversion(info)
    result = conversion.of_result()
    yield "as it is", conversion.to_bytes(frame)
    runtime = ("cuda" if find_gpu() else "eager") if style.runtime == "auto" else style.runtime
    style = style.replace(runtime=runtime, batch_size=1)
    for path, group in groupby(looks, lambda look: look.path):
        own = list(group)
        stylizer = create_stylizer([(own[0].shares, path)], conversion, style)
        for look in own:
            painted = stylizer.stylize([frame], np.array([look.shares], np.float32))[0]
            yield look.label, result.to_bytes(_colour(painted, frame, conversion, keep=style.keep_colours))


def _colour(painted: Planes, frame: Planes, conversion: Conversion, *, keep: bool) -> Planes:
    return (painted[0], *conversion.to_chroma(frame)) if keep else painted
