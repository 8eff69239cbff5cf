"""Every frame is in one segment, every segment on one rank, and the work is even."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.video.trips import PLANNING, ClipMaker
from triptych.video.planning.probing import VideoInfo, probe_video
from triptych.video.planning.segments import assign_segments, cut_into_segments

INFO: list[VideoInfo] = []


@pytest.fixture(autouse=True)
def _probe(clip: ClipMaker) -> None:
    if not INFO:
        INFO.append(probe_video(clip("plain.mp4"), PLANNING))


@st.composite
def plans(draw: st.DrawFn) -> VideoInfo:
    pts = tuple(sorted(draw(st.sets(st.integers(-500, 5000), min_size=1, max_size=300))))
    keys = draw(st.sets(st.sampled_from(pts), max_size=20))
    return replace(INFO[0], pts=pts, keyframes=tuple(sorted(keys)))


@given(st.data(), st.integers(1, 60), st.integers(0, 20))
def test_segments_hold_every_frame_once(data: st.DataObject, segment_frames: int, lead: int) -> None:
    info = data.draw(plans())
    segments = cut_into_segments(info, segment_frames, lead)
    assert sum((segment.pts for segment in segments), ()) == info.pts
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert all(0 < segment.frames <= 1.5 * segment_frames + 1 for segment in segments)
    for segment in segments:
        start = info.pts.index(segment.pts[0])
        assert segment.lead_pts == info.pts[max(0, start - lead) : start]


@given(st.integers(1, 500), st.integers(1, 60))
def test_segments_without_keyframes_are_even(frames: int, segment_frames: int) -> None:
    info = replace(INFO[0], pts=tuple(range(frames)), keyframes=(0,))
    sizes = [segment.frames for segment in cut_into_segments(info, segment_frames, 0)]
    assert max(sizes) <= segment_frames
    assert max(sizes) - min(sizes) <= 1


def test_cuts_move_to_near_keyframes_only() -> None:
    info = replace(INFO[0], pts=tuple(range(300)), keyframes=(0, 95, 150, 230))
    assert [segment.pts[0] for segment in cut_into_segments(info, 100, 0)] == [0, 95, 200]


@given(st.lists(st.integers(1, 50), max_size=9), st.integers(1, 5))
def test_ranks_share_evenly(weights: list[int], ranks: int) -> None:
    items = list(enumerate(weights))
    runs = assign_segments(items, ranks, weigh=lambda item: item[1])
    assert len(runs) == ranks
    assert [item for run in runs for item in run] == items
    heaviest = max(sum(weight for _, weight in run) for run in runs)
    assert heaviest == _lightest_possible(weights, ranks)


def _lightest_possible(weights: list[int], ranks: int) -> int:
    """Try every way to cut."""
    count = len(weights)
    ways = (cuts for n in range(ranks) for cuts in combinations(range(1, count), n))
    loads = (max(sum(weights[a:b]) for a, b in pairwise((0, *cuts, count))) for cuts in ways)
    return min(loads, default=0)


def test_segments_weigh_their_frames() -> None:
    segments = cut_into_segments(replace(INFO[0], pts=tuple(range(90)), keyframes=()), 10, 0)
    assert [sum(segment.frames for segment in run) for run in assign_segments(segments, 3)] == [30, 30, 30]
    assert assign_segments([], 2) == [[], []]
