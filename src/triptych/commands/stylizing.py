"""Paint one video."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from triptych.commands.styles import Style
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
    from triptych.video.planning.plans import PlannedVideo

__all__ = ["stylize"]

_CONTAINERS: dict[str, Literal["mp4", "mkv", "webm"]] = {".mp4": "mp4", ".m4v": "mp4", ".mkv": "mkv", ".webm": "webm"}
_SEGMENT_FRAMES = 120


def stylize(
    source: Path, target: Path, style: Style, settings: StyleParams, smoothing: SmoothingParams, seconds: float = 0.0
) -> list[str]:
    """Paint a video: every frame at its time, with the sound and all else it has; the file appears when it is whole.

    Args:
        source: The video.
        target: Where to; `.mp4`, `.mkv` and `.webm` (AV1), or the source's ending.
        style: What it is painted in.
        settings: Strength, scale, runtime.
        smoothing: What is done against flicker.
        seconds: Only so much of its beginning; 0: all of it.

    Returns:
        What is to be noted, such as streams that the container cannot hold.

    Raises:
        InputError: If it cannot be painted; the message says why.
    """
    from triptych.storage.local_files import replace_file
    from triptych.video.planning.plans import read_plan
    from triptych.video.stylizing.ranks import stylize_as_rank
    from triptych.video.stylizing.store import SegmentStore

    encoding = choose_encoding(source, target)
    with _working(source) as (sources, scratch):
        plan = _plan(sources, scratch, style, settings, smoothing, seconds)
        (video,) = read_plan(plan)
        store = SegmentStore(scratch / "segments")
        report = stylize_as_rank(
            *(sources, scratch / "normalised", plan, style.model, store.folder, settings, smoothing, encoding)
        )
        finished, notes = _finish(video, report["keys"][video.name], sources, store, scratch, encoding, seconds > 0)
        if finished.suffix.lower() != target.suffix.lower() and encoding.container == "source":
            raise InputError(f"{target.suffix} cannot hold what {source} has: name the result .mkv or .mp4")
        with replace_file(target) as part:
            shutil.move(finished, part)
    return notes


def choose_encoding(source: Path, target: Path) -> EncodingParams:
    """Choose container and codec by the ending of the result.

    Raises:
        InputError: If nothing of that ending can be written.
    """
    from triptych.video.params import EncodingParams

    ending = target.suffix.lower()
    if ending == ".webm":
        return EncodingParams(container="webm", codec="av1")
    if ending in _CONTAINERS:
        return EncodingParams(container=_CONTAINERS[ending])
    if ending and ending == source.suffix.lower():
        return EncodingParams()
    raise InputError(f"{target}: cannot be written as {ending or 'a file without an ending'}: take .mp4, .mkv or .webm")


@contextmanager
def _working(source: Path) -> Iterator[tuple[Path, Path]]:
    """Give a folder with nothing but the video in it, and one to work in."""
    if not source.is_file():
        raise InputError(f"there is no video {source}")
    with TemporaryDirectory(prefix="triptych-stylize-") as folder:
        scratch = Path(folder)
        for name in ("sources", "normalised", "finished"):
            (scratch / name).mkdir()
        # Under a name of our own, as theirs may be anything.
        (scratch / "sources" / f"video{source.suffix.lower()}").symlink_to(source.resolve())
        yield scratch / "sources", scratch


def _plan(
    sources: Path, scratch: Path, style: Style, settings: StyleParams, smoothing: SmoothingParams, seconds: float
) -> dict[str, Any]:
    from triptych.video.params import PlanningParams
    from triptych.video.planning.plans import plan_videos, read_plan

    (source,) = sources.iterdir()
    planning = PlanningParams(segment_frames=_SEGMENT_FRAMES, workers=1)
    if style.text:
        settings = settings.replace(styles={"*": style.text})
    try:
        plan = plan_videos(
            *(sources, [source.name], scratch / "normalised", style.model, planning, settings, smoothing)
        )
    except ValueError as error:  # of a style that is not there
        raise InputError(str(error).removeprefix("video.style.styles: ")) from error
    if plan["refused"]:
        raise InputError(f"{source.resolve()}: {plan['refused'][0]['reason']}")
    if seconds:
        (video,) = read_plan(plan)
        plan["videos"] = [_shorten(video, seconds, smoothing).to_json()]
    return plan


def _shorten(video: PlannedVideo, seconds: float, smoothing: SmoothingParams) -> PlannedVideo:
    from triptych.video.planning.segments import cut_into_segments
    from triptych.video.previewing.clips import keep_first

    length = Fraction(seconds).limit_denominator(1_000_000)  # .1 as it was written
    end = video.info.pts[0] + length / video.info.time_base
    info = keep_first(video.info, max(1, sum(pts < end for pts in video.info.pts)))
    lead = smoothing.lead_frames if smoothing.method != "none" else 0
    segments = tuple(cut_into_segments(info, _SEGMENT_FRAMES, lead))
    return replace(video, info=info, blend=video.blend.in_seconds(video.info), segments=segments)


def _finish(
    video: PlannedVideo,
    keys: list[str],
    sources: Path,
    store: Any,
    scratch: Path,
    encoding: EncodingParams,
    is_cut: bool,
) -> tuple[Path, list[str]]:
    """Join the segments; a whole video is compared with its source as well."""
    from triptych.video.restitching.finishing import FINISHED, finish_videos
    from triptych.video.restitching.joining import RestitchingError, restitch, target_name

    if failures := [store.failure(key) or "it was not made" for key in keys if store.find(key) is None]:
        raise InputError(f"{(sources / video.name).resolve()}: {failures[0]}")
    if not is_cut:
        (result,) = finish_videos([video], {video.name: keys}, sources, store, scratch / "finished", encoding)
        if result["status"] != FINISHED:
            raise InputError(f"{(sources / video.name).resolve()}: {result['reason']}")
        return scratch / "finished" / result["file"], [result["reason"]] if result["reason"] else []
    target = scratch / "finished" / target_name(video.info, encoding)
    end = (video.info.pts[-1] + video.info.last_duration) * video.info.time_base
    try:
        notes = restitch(
            *(sources / video.name, video.info, [store.fetch_video(key) for key in keys], target, encoding), until=end
        )
    except RestitchingError as error:
        raise InputError(f"{(sources / video.name).resolve()}: {error}") from error
    return target, [*video.info.warnings, *notes]
