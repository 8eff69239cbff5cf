"""Ranks share by pixels, keep to few engines, and take over what another has not come to."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.video.trips import FAST, PLANNING, ClipMaker
from triptych.sharing.claims import Claims, take_work
from triptych.video.planning.blends import Blend
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.probing import VideoInfo, probe_video
from triptych.video.planning.segments import cut_into_segments
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.work import Work, list_work, share_work

BLEND = Blend(("mosaic.pth",), (("",),), ((0.0, (1.0,)),))
ENGINE = {"runtime": "eager", "precision": "float32", "torch": "2.15"}


@pytest.fixture
def info(clip: ClipMaker) -> VideoInfo:
    return probe_video(clip("plain.mp4"), PLANNING)


def make_video(info: VideoInfo, name: str, width: int, height: int, frames: int) -> PlannedVideo:
    described = replace(info, name=name, width=width, height=height, pts=tuple(range(frames)), keyframes=(0,))
    segments = tuple(cut_into_segments(described, PLANNING.segment_frames, 0))
    return PlannedVideo(name, described, "", BLEND, f"source of {name}", segments)


def make_work(info: VideoInfo, sizes: Sequence[tuple[int, int, int]]) -> list[Work]:
    videos = [make_video(info, f"{number}.mp4", *size) for number, size in enumerate(sizes)]
    return list_work(videos, ENGINE, FAST)


def loads(shares: Sequence[Sequence[Work]]) -> list[int]:
    return [sum(work.pixels for work in share) for share in shares]


def test_a_large_video_beside_a_small_one_is_shared_by_pixels(info: VideoInfo) -> None:
    shares = share_work(make_work(info, [(3840, 2160, 1200), (640, 360, 1200)]), 2)
    assert max(loads(shares)) < 1.05 * min(loads(shares))


def test_many_small_videos_and_two_large_ones_are_even_and_keep_engines_together(info: VideoInfo) -> None:
    sizes = [(160 + 32 * (number % 12), 128, 90) for number in range(40)]
    sizes[7:7], sizes[23:23] = [(1920, 1080, 700)], [(3840, 2160, 240)]
    work = make_work(info, sizes)
    shares = share_work(work, 3)
    assert sorted(item.key for share in shares for item in share) == sorted(item.key for item in work)
    assert max(loads(shares)) < 1.1 * min(loads(shares))
    for share in shares:
        changes = sum(one.engine != other.engine for one, other in pairwise(share))
        assert changes == len({item.engine for item in share}) - 1
    # Each of the 14 sizes is one engine, but for those that two ranks share.
    assert sum(len({item.engine for item in share}) for share in shares) <= 14 + 2


@pytest.mark.parametrize("other", [{"precision": "bfloat16"}, {"torch": "2.16"}, {"runtime": "compile"}])
def test_a_segment_of_another_precision_or_version_is_another(info: VideoInfo, other: dict[str, str]) -> None:
    video = make_video(info, "a.mp4", 64, 48, 30)
    (one,), (two,) = list_work([video], ENGINE, FAST), list_work([video], ENGINE | other, FAST)
    assert one.key != two.key


@pytest.mark.parametrize(
    ("size", "scale", "limits", "same"),
    [
        ((200, 200), 1.0, (65_536, 10**6), True),
        ((200, 200), 2.0, (65_536, 10**6), False),  # seen as 400x400
        ((255, 257), 1.0, (65_536, 10**6), False),  # seen as 256x260
        ((400, 400), 0.5, (65_536, 10**6), True),
        ((400, 400), 1.0, (65_536, 131_072), False),
    ],
)
def test_a_segment_in_tiles_is_another_and_one_without_is_the_same(
    size: tuple[int, int], scale: float, limits: tuple[int, int], same: bool, info: VideoInfo
) -> None:
    video = make_video(info, "a.mp4", *size, 30)
    keys = {list_work([video], ENGINE, FAST, limit, scale)[0].key for limit in limits}
    assert (len(keys) == 1) is same


def run_ranks(shares: list[list[Work]], store: SegmentStore, seconds: Sequence[float]) -> list[list[Work]]:
    """Let ranks that need so many seconds a segment work at a time; return what each made."""
    made: list[list[Work]] = [[] for _ in shares]

    def work(rank: int) -> None:
        for item in take_work(shares, rank, Claims(store.folder, "job", rank), lambda _: None):
            time.sleep(seconds[rank])
            made[rank].append(item)

    ranks = [threading.Thread(target=work, args=(rank,)) for rank in range(len(shares))]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    return made


def test_a_quick_rank_takes_over_from_a_slow_one(info: VideoInfo, tmp_path: Path) -> None:
    work = make_work(info, [(64, 48, 120 * 40)])
    shares = share_work(work, 2)
    made = run_ranks(shares, SegmentStore(tmp_path), (0.01, 0.15))
    assert sorted(item.key for items in made for item in items) == sorted(item.key for item in work)
    assert len(made[0]) > len(shares[0])
    assert [item.key for item in made[1]] == [item.key for item in shares[1][: len(made[1])]]


def test_a_rank_that_is_started_again_makes_what_it_had_claimed(info: VideoInfo, tmp_path: Path) -> None:
    work, store = make_work(info, [(64, 48, 240)]), SegmentStore(tmp_path)
    key = work[0].key
    assert Claims(store.folder, "job", 1).take(key)
    again, other = Claims(store.folder, "job", 1), Claims(store.folder, "job", 0)
    assert other.take(key) is True  # the process that had claimed it is no more
    assert again.take(key) is False
    assert other.take(key) is True
    assert Claims(store.folder, "another job", 1).take(key) is True
