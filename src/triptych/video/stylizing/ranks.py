"""What one rank does of the stylizing, and what all ranks agree on before."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from triptych.distributed import rank, world_size
from triptych.sharing.agreement import agree
from triptych.sharing.claims import Claims, take_work
from triptych.video.media.codecs import choose_encoder, name_encoder
from triptych.video.media.conversion import Conversion
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo, read_plan
from triptych.video.planning.segments import hash_settings
from triptych.video.stylizing.choosing import choose_runtime_of, choose_tiles_of
from triptych.video.stylizing.reading import SegmentReader
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.stylizing import SegmentStylizer
from triptych.video.stylizing.work import Work, list_work, share_work

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

_AHEAD_BYTES = 2**29  # of frames that are decoded before the network takes them
_AHEAD = (4, 48)  # frames
_LOGGED_EVERY_S = 30.0  # where there is no terminal, each step of the bar is a line of a log


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
        chosen = choose_runtime_of(videos, sources, normalised, style_model, style, smoothing, encoding, store)
        chosen |= {"encoder": encoder, "tile_pixels": choose_tiles_of(videos, style_model, style, chosen["runtime"])}
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
    every_s = 0.1 if sys.stderr.isatty() else _LOGGED_EVERY_S
    with tqdm(total=total, unit="frame", desc="Stylizing", disable=not share, mininterval=every_s) as bar:

        def add(work: Work) -> None:
            bar.total = (bar.total or 0) + work.frames

        works: Iterator[Work] = iter(share)
        if world_size() > 1:
            works = take_work(shares, rank(), Claims(store.folder, job, rank()), add)
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


def _cache_stylizers(style_model: Path, style: StyleParams) -> Any:
    @lru_cache(maxsize=2)
    def make(files: tuple[str, ...], conversion: Conversion) -> Stylizer:
        from triptych.video.runtimes.making import create_stylizer

        # Every frame comes with the shares of its styles, so these weights never count.
        return create_stylizer([(1.0, style_model.with_name(file)) for file in files], conversion, style)

    def make_for(work: Work) -> Stylizer:
        return make(work.video.blend.files, work.conversion)

    return make_for
