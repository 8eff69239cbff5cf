"""What one rank does of the stylizing, and what all ranks agree on before."""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from triptych.distributed import rank, world_size
from triptych.storage import mirrors
from triptych.storage.local_files import hash_file
from triptych.video.media.codecs import choose_encoder, name_encoder
from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.media.reader import DecodingError
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo, read_plan
from triptych.video.planning.segments import hash_settings
from triptych.video.stylizing.agreement import agree
from triptych.video.stylizing.claims import Claims, take_work
from triptych.video.stylizing.reading import SegmentReader
from triptych.video.stylizing.smoothing import TemporalSmoother, see
from triptych.video.stylizing.store import SegmentStore, write_json
from triptych.video.stylizing.stylizing import SegmentStylizer
from triptych.video.stylizing.work import Work, list_work, share_work

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

_AHEAD_BYTES = 2**29  # of frames that are decoded before the network takes them
_AHEAD = (4, 48)  # frames


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
    """Stylize this rank's share of the missing segments, and then what others have not come to.

    Returns:
        `runtime` with its measurements, `keys` of every video's segments, `ranks`, and the counts of this rank.
    """
    videos, store = read_plan(plan), SegmentStore(segments)

    def decide() -> dict[str, Any]:
        encoder = choose_encoder(encoding).encoder
        chosen = _choose_runtime(videos, sources, normalised, style_model, style, smoothing, encoding, store)
        chosen |= {"encoder": encoder, "tile_pixels": _choose_tiles(videos, style_model, style, chosen["runtime"])}
        work = list_work(
            videos, chosen["engine"], encoding.replace(encoder=encoder), chosen["tile_pixels"], style.scale
        )
        done = store.find_all(item.key for item in work)
        missing = [item.key for item in work if item.key not in done]
        return {**chosen, "missing": missing, "job": uuid.uuid4().hex}

    agreed = agree(store.folder, _name_topic(videos, style, encoding), decide)
    encoding = choose_encoder(encoding.replace(encoder=agreed["encoder"]))
    work = list_work(videos, agreed["engine"], encoding, agreed["tile_pixels"], style.scale)
    missing = set(agreed["missing"])
    # Shared out is what was missing when rank 0 looked; what another job has made since is skipped. Files of equal
    # content have the same segments.
    once = {item.key: item for item in work if item.key in missing}
    shares = share_work(list(once.values()), world_size())
    settled = style.replace(runtime=agreed["runtime"], max_tile_pixels=agreed["tile_pixels"])
    make = _cache_stylizers(style_model, settled)
    reader = SegmentReader(sources, normalised, store, encoding)
    stylizer = SegmentStylizer(reader, store, make, smoothing, encoding, style.keep_colours)
    counts = _stylize(stylizer, store, shares, agreed["job"])
    counts["skipped"] += len(work) - len(missing)
    return {
        "runtime": agreed["runtime"],
        "engine": agreed["engine"],
        "encoder": name_encoder(encoding),
        "measured": agreed["measured"],
        "setup_seconds": agreed.get("setup_seconds", 0.0),
        "ranks": world_size(),
        "segments": len(work),
        "keys": _keys_by_video(videos, work),
        **counts,
    }


def _name_topic(videos: Sequence[PlannedVideo], style: StyleParams, encoding: EncodingParams) -> str:
    """Name all that the ranks' agreement depends on, also how many they are."""
    plan = [
        [video.source_key, [[len(segment.lead_pts), len(segment.pts)] for segment in video.segments]]
        for video in videos
    ]
    settings = {"style": style.model_dump(), "encoding": encoding.model_dump(), "ranks": world_size()}
    return hash_settings(settings | {"plan": plan})[:12]


def _stylize(
    stylizer: SegmentStylizer, store: SegmentStore, shares: Sequence[Sequence[Work]], job: str
) -> dict[str, Any]:
    share = shares[rank()]
    total = sum(item.frames for item in share)
    with tqdm(total=total, unit="frame", desc="Stylizing", disable=not share) as bar:

        def add(work: Work) -> None:
            bar.total = (bar.total or 0) + work.frames
            bar.refresh()

        works: Iterator[Work] = iter(share)
        if world_size() > 1:
            works = take_work(shares, rank(), Claims(store, job, rank()), add)
        every = [item for each in shares for item in each]
        return stylizer.stylize(works, bar.update, _choose_ahead(every))


def _choose_ahead(work: Sequence[Work]) -> int:
    largest = max((item.conversion.source.bytes for item in work), default=1)
    least, most = _AHEAD
    return max(least, min(most, _AHEAD_BYTES // largest))


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
    smoothing: SmoothingParams,
    encoding: EncodingParams,
    store: SegmentStore,
) -> dict[str, Any]:
    """Choose by a frame of the video with most to do; an earlier choice for the same styles and machine stands."""
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
    if style.runtime == "auto" and kept.is_file():
        decision: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
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
        write_json(kept, decision)
    return decision


def _describe_choice(runtime: str, measured: dict[str, Any]) -> dict[str, Any]:
    from triptych.video.runtimes.hardware import describe_engine

    return {"runtime": runtime, "engine": describe_engine(runtime), "measured": measured}


def _choose_tiles(videos: list[PlannedVideo], style_model: Path, style: StyleParams, runtime: str) -> int:
    from triptych.video.runtimes.making import choose_tile_pixels

    # The blend with most to hold in memory at once.
    most = max((video.blend.files for video in videos), key=len, default=())
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


def _cache_stylizers(style_model: Path, style: StyleParams) -> Any:
    @lru_cache(maxsize=2)
    def make(files: tuple[str, ...], conversion: Conversion) -> Stylizer:
        from triptych.video.runtimes.making import create_stylizer

        # Every frame comes with the shares of its styles, so these weights never count.
        return create_stylizer([(1.0, style_model.with_name(file)) for file in files], conversion, style)

    def make_for(work: Work) -> Stylizer:
        return make(work.video.blend.files, work.conversion)

    return make_for
