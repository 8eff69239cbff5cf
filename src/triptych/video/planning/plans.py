"""The plan: for every video its properties, style and segments; made once, read by every rank."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych import parallel
from triptych.storage.local_files import hash_file
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.params import PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.blends import Blend, choose_blend
from triptych.video.planning.normalising import normalise_video
from triptych.video.planning.probing import probe_video
from triptych.video.planning.segments import Segment, cut_into_segments, hash_settings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedVideo:
    """A video that is to be stylized.

    Attributes:
        name: Its path within the landing folder.
        info: Its properties.
        normalised: File name of the rewritten video to take frames from, within the folder of such; empty if none.
        blend: Its styles, and their shares over time.
        source_key: Hash of everything that its pixels depend on, except for the runtime and the encoding.
        segments: Its segments.
    """

    name: str
    info: VideoInfo
    normalised: str
    blend: Blend
    source_key: str
    segments: tuple[Segment, ...]

    def frames_path(self, sources: Path, normalised: Path) -> Path:
        """Where the frames are read from."""
        return normalised / self.normalised if self.normalised else sources / self.name

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "info": self.info.to_json(),
            "normalised": self.normalised,
            "blend": self.blend.to_json(),
            "source_key": self.source_key,
            "segments": [[len(segment.lead_pts), len(segment.pts)] for segment in self.segments],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PlannedVideo:
        """Undo `to_json`."""
        info = VideoInfo.from_json(values["info"])
        segments, start = [], 0
        for index, (lead, count) in enumerate(values["segments"]):
            end = start + count
            segments.append(Segment(index, info.pts[start:end], info.pts[start - lead : start]))
            start = end
        blend = Blend.from_json(values["blend"])
        rest = {name: values[name] for name in ("name", "normalised", "source_key")}
        return cls(info=info, blend=blend, segments=tuple(segments), **rest)


@dataclass(frozen=True)
class Rewriting:
    """Where rewritten frames go, and the threads that each FFmpeg may use for them."""

    folder: Path
    threads: int


def read_plan(plan: dict[str, Any]) -> list[PlannedVideo]:
    """Read the videos of a plan."""
    return [PlannedVideo.from_json(values) for values in plan["videos"]]


def plan_videos(
    sources: Path,
    names: Iterable[str],
    normalised: Path,
    style_model: Path,
    planning: PlanningParams,
    style: StyleParams,
    smoothing: SmoothingParams,
) -> dict[str, Any]:
    """Plan every video; what cannot be stylized is refused, and stops no other.

    Args:
        sources: Folder of the videos.
        names: Their paths in it.
        normalised: Empty folder for those that must be rewritten first.
        style_model: The default style; others are looked for beside it.
        planning: How they are checked and divided.
        style: Which style goes with which.
        smoothing: Lead frames, and what else the pixels depend on.

    Returns:
        `videos`, and `refused` with name and reason of the others; JSON-able.

    Raises:
        ValueError: If a style that is asked for is not there.
        OSError: The machine failed, which is no video's fault.
        MemoryError: Memory ran out.
    """
    blends = {name: choose_blend(name, style, style_model) for name in names}
    described: dict[str, Any] = describe_settings(style, smoothing)
    workers = max(1, min(parallel.count_workers(planning.workers), len(blends)))
    rewriting = Rewriting(normalised, max(1, parallel.count_cores() // workers))

    def plan(name: str) -> PlannedVideo:
        return _plan_video(sources / name, name, rewriting, style_model, blends[name], described, planning, smoothing)

    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(lambda name: _attempt(name, plan), sorted(blends)))
    return {
        "videos": [outcome.to_json() for outcome in outcomes if isinstance(outcome, PlannedVideo)],
        "refused": [outcome for outcome in outcomes if isinstance(outcome, dict)],
    }


def describe_settings(style: StyleParams, smoothing: SmoothingParams) -> dict[str, Any]:
    """Name the settings that pixels depend on, but for those that ranks settle: runtime and tiles."""
    smooth: dict[str, str] = {"method": smoothing.method}
    if smoothing.method != "none":
        smooth |= {"weight": str(smoothing.weight), "lead": str(smoothing.lead_frames)}
        smooth |= {"occlusion_px": str(smoothing.occlusion_px)}
    further: dict[str, Any] = {"scale": style.scale} if style.scale != 1 else {}
    further |= {"keep_colours": True} if style.keep_colours else {}
    return {"strength": style.strength, "smoothing": smooth, **further}


def _attempt(name: str, plan: Callable[[str], PlannedVideo]) -> PlannedVideo | dict[str, str]:
    try:
        return plan(name)
    except VideoRefusedError as error:  # nothing else is the video's fault
        _logger.warning("%s is refused: %s", name, error)
        return {"name": name, "reason": str(error)}


def _plan_video(
    path: Path,
    name: str,
    rewriting: Rewriting,
    style_model: Path,
    blend: Blend,
    described: dict[str, Any],
    planning: PlanningParams,
    smoothing: SmoothingParams,
) -> PlannedVideo:
    info = probe_video(path, planning)
    rewritten = ""
    if info.needs:
        digest = hash_settings({"name": name})
        folder = rewriting.folder / digest
        folder.mkdir(parents=True)
        made, info = normalise_video(path, info, folder, planning, rewriting.threads)
        rewritten = str(made.relative_to(rewriting.folder))
    lead = smoothing.lead_frames if smoothing.method != "none" else 0
    painted = blend.to_json() | {"files": [hash_file(style_model.with_name(file)) for file in blend.files]}
    pixels: dict[str, Any] = {"source": hash_file(path), "needs": list(info.needs), "styles": painted}
    pixels |= {"conceal": True} if info.conceal else {}
    key = hash_settings(described | pixels)
    for warning in info.warnings:
        _logger.warning("%s: %s", name, warning)
    segments = cut_into_segments(info, planning.segment_frames, lead)
    return PlannedVideo(name, info, rewritten, blend, key, tuple(segments))
