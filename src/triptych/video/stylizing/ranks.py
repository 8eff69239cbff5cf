"""What one rank does of the stylizing, and what all ranks agree on before."""

from __future__ import annotations

import json
import logging
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from triptych.distributed import rank, world_size
from triptych.storage import mirrors
from triptych.storage.local_files import hash_file
from triptych.video.media.decoding import read_frames
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo, Styles, read_plan
from triptych.video.planning.segments import assign_segments, hash_settings
from triptych.video.stylizing.agreement import agree
from triptych.video.stylizing.store import SegmentStore, write_json
from triptych.video.stylizing.stylizing import SegmentStylizer, Work, list_work, stylize_share, with_runtime

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

_logger = logging.getLogger(__name__)


def stylize_as_rank(
    sources: Path,
    normalised: Path,
    plan: dict[str, Any],
    style_model: Path,
    segments: Path,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
) -> dict[str, Any]:
    """Stylize this rank's share of the missing segments.

    Returns:
        `runtime` with its measurements, `keys` of every video's segments, `ranks`, and the counts of this rank.
    """
    videos, store = read_plan(plan), SegmentStore(segments)
    topic = hash_settings({"plan": [video.source_key for video in videos]})[:12]

    def decide() -> dict[str, Any]:
        chosen = _choose_runtime(videos, sources, normalised, style_model, style, store)
        work = list_work(videos, chosen["runtime"], encoding)
        return {**chosen, "missing": [item.key for item in work if store.find(item.key) is None]}

    agreed = agree(store.folder, topic, decide)
    work = list_work(videos, agreed["runtime"], encoding)
    missing = set(agreed["missing"])
    # Shared out is what was missing when rank 0 looked; what another job has made since is skipped.
    share = assign_segments([item for item in work if item.key in missing], world_size())[rank()]
    fixed = with_runtime(style, agreed["runtime"])

    @lru_cache(maxsize=2)
    def make(styles: tuple[tuple[float, str], ...], height: int, width: int) -> Stylizer:
        return _make_stylizer(list(styles), style_model, (height, width), fixed)

    def make_for(video: PlannedVideo) -> Stylizer:
        return make(tuple(video.styles), video.info.height, video.info.width)

    stylizer = SegmentStylizer(sources, normalised, store, make_for, smoothing, encoding)
    with tqdm(total=sum(item.frames for item in share), unit="frame", desc="Stylizing", disable=not share) as bar:
        counts = stylize_share(share, store, stylizer, bar.update)
    counts["skipped"] += len(work) - len(missing)
    return {
        "runtime": agreed["runtime"],
        "measured": agreed["measured"],
        "setup_seconds": agreed.get("setup_seconds", 0.0),
        "ranks": world_size(),
        "segments": len(work),
        "keys": _keys_by_video(videos, work),
        **counts,
    }


def _keys_by_video(videos: list[PlannedVideo], work: list[Work]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {video.name: [] for video in videos}
    for item in work:
        keys[item.video.name].append(item.key)
    return keys


def _choose_runtime(
    videos: list[PlannedVideo],
    sources: Path,
    normalised: Path,
    style_model: Path,
    style: StyleParams,
    store: SegmentStore,
) -> dict[str, Any]:
    """Choose by a frame of the video with most to do; an earlier choice for the same styles and machine stands."""
    from triptych.video.runtimes.choice import choose_runtime, describe_machine

    if not videos:
        return {"runtime": "eager" if style.runtime == "auto" else style.runtime, "measured": {}}
    styles = sorted({file for video in videos for _, file in video.styles})
    machine = {
        "machine": re.sub(r"\d+ cores", "", describe_machine()),
        "styles": [hash_file(style_model.with_name(file)) for file in styles],
    }
    settings = {"tolerance": style.pixel_tolerance, "batch": style.batch_size, "wish": style.runtime}
    kept = store.folder / f"runtime-{hash_settings(machine | settings)[:12]}.json"
    mirrors.pull(kept)
    if style.runtime == "auto" and kept.is_file():
        decision: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return decision | {"setup_seconds": 0.0}
    largest = max(videos, key=lambda video: video.info.frames * video.info.width * video.info.height)
    frames = sum(video.info.frames for video in videos)
    path = largest.frames_path(sources, normalised)
    # From the middle: first frames are often black, and normalisation makes noise of such.
    middle = largest.info.frames // 2
    _, frame = next(read_frames(path, largest.info, largest.info.pts[middle : middle + 1]))
    start = time.perf_counter()
    choice = choose_runtime(_with_paths(largest.styles, style_model), frame, frames, style)
    decision = {"runtime": choice.runtime, "measured": choice.measured, "setup_seconds": time.perf_counter() - start}
    if choice.measured:
        write_json(kept, decision)
    return decision


def _make_stylizer(styles: Styles, style_model: Path, size: tuple[int, int], style: StyleParams) -> Stylizer:
    from triptych.video.runtimes.choice import create_stylizer

    return create_stylizer(_with_paths(styles, style_model), size, style)


def _with_paths(styles: Styles, style_model: Path) -> list[tuple[float, Path]]:
    return [(weight, style_model.with_name(file)) for weight, file in styles]
