"""Choose what computes the frames of a plan, by a frame of it: the runtime, and from what size on in tiles."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

from triptych.storage import mirrors
from triptych.storage.local_files import hash_file
from triptych.video.media.conversion import plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.media.reader import DecodingError
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.segments import hash_settings
from triptych.video.stylizing.smoothing import TemporalSmoother, see
from triptych.video.stylizing.store import SegmentStore, write_json

__all__ = ["choose_runtime_of", "choose_tiles_of"]

_MUCH_MORE = 2


def choose_runtime_of(
    videos: list[PlannedVideo],
    sources: Path,
    normalised: Path,
    style_model: Path,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
    store: SegmentStore,
) -> dict[str, Any]:
    """Choose by a frame of the video with most to do.

    An earlier choice for the same styles and machine stands, unless it was made for much less: what is set up quickest
    wins for a short clip, and would then paint all that comes later.
    """
    from triptych.video.runtimes.choice import choose_runtime
    from triptych.video.runtimes.hardware import describe_machine, list_versions

    if not videos:
        return _describe_choice("eager" if style.runtime == "auto" else style.runtime, {})
    styles = sorted({file for video in videos for file in video.blend.files})
    machine = {
        "machine": re.sub(r"\d+ cores", "", describe_machine()),
        "versions": list_versions(),
        "styles": [hash_file(style_model.with_name(file)) for file in styles],
    }
    settings = {"tolerance": style.pixel_tolerance, "batch": style.batch_size, "wish": style.runtime}
    kept = store.folder / f"runtime-{hash_settings(machine | settings)[:12]}.json"
    mirrors.pull(kept)
    pixels = sum(video.info.frames * video.info.width * video.info.height for video in videos)
    if style.runtime == "auto" and kept.is_file():
        decision: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if pixels <= _MUCH_MORE * decision.get("pixels_to_do", 0):
            return decision | {"setup_seconds": 0.0}
    frames = sum(video.info.frames for video in videos)
    start = time.perf_counter()
    found = _find_frame(videos, sources, normalised)
    if found is None:
        return _describe_choice("eager", {})
    conversion = plan_conversion(found[0].info, encoding)
    frame = TemporalSmoother(smoothing, conversion.source.bits).before(found[1])
    video = found[0]
    shares = video.blend.weigh(video.info, video.info.pts[video.info.frames // 2])
    paths = [style_model.with_name(file) for file in video.blend.files]
    chosen = list(zip(video.blend.by_file(shares), paths, strict=True))
    choice = choose_runtime(chosen, frame, see(conversion, smoothing), frames, style)
    decision = _describe_choice(choice.runtime, choice.measured) | {"setup_seconds": time.perf_counter() - start}
    if choice.measured:
        write_json(kept, decision | {"pixels_to_do": pixels})
    return decision


def _describe_choice(runtime: str, measured: dict[str, Any]) -> dict[str, Any]:
    from triptych.video.runtimes.hardware import describe_engine

    return {"runtime": runtime, "engine": describe_engine(runtime), "measured": measured}


def choose_tiles_of(videos: list[PlannedVideo], style_model: Path, style: StyleParams, runtime: str) -> int:
    """Choose the pixels above which frames are stylized in tiles."""
    from triptych.video.runtimes.making import choose_tile_pixels

    # That of the blend with most to hold in memory at once.
    most = max((video.blend.files for video in videos), key=len, default=())
    if not most:
        return style.max_tile_pixels
    return choose_tile_pixels([style_model.with_name(file) for file in most], style.replace(runtime=runtime))


def _find_frame(videos: list[PlannedVideo], sources: Path, normalised: Path) -> tuple[PlannedVideo, Any] | None:
    """Find a frame that can be decoded, of the video with most to do if that has one."""
    for video in sorted(videos, key=lambda video: -video.info.frames * video.info.width * video.info.height):
        # From the middle: first frames are often black, and normalisation makes noise of such.
        middle = video.info.frames // 2
        path = video.frames_path(sources, normalised)
        with contextlib.suppress(DecodingError):  # its own segments will tell
            _, frame = next(read_planes(path, video.info, video.info.pts[middle : middle + 1]))
            return video, frame
    return None
