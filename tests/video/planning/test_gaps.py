"""Frames without a time among others that have one are shown between those, and never at a made-up rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import av
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, decode, send
from triptych.video.media.info import VideoRefusedError
from triptych.video.planning.gaps import FrameTime, fill_gaps
from triptych.video.planning.probing import probe_video
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(60)
TICK = 1 / 90_000
CLEARED: dict[str, Callable[[int], bool]] = {
    "every third": lambda number: number % 3 == 1,
    "all but every third": lambda number: number % 3 != 0,
    "the first": lambda number: number == 0,
    "the last": lambda number: number >= 43,
    "one": lambda number: number == 20,
}


def shown(path: Path) -> list[float]:
    return [frame.time or 0 for frame in decode(path)]


def sound_begins(path: Path) -> float:
    with av.open(str(path)) as container:
        return next(float((packet.pts or 0) * packet.time_base) for packet in container.demux(audio=0))


@pytest.mark.parametrize("start", [0, 3600])
@pytest.mark.parametrize("cleared", CLEARED)
def test_times_that_are_stated_stay(cleared: str, start: int, tmp_path: Path) -> None:
    """All that the test put in and did not take out again is in the result, and sound keeps its distance."""
    source, expected = tmp_path / "source.ts", clips.shown_at(start)
    clips.irregular_stream(source, start)
    assert shown(source) == pytest.approx(expected, abs=TICK)
    with av.open(str(source)) as container:
        order = [float((packet.pts or 0) * packet.time_base) for packet in container.demux(video=0) if packet.size]
    clips.clear_times(source, CLEARED[cleared])
    info, result = send(source, tmp_path / "out")
    found = shown(result)
    assert len(found) == len(expected) == 48
    assert found == sorted(set(found))
    taken_out = {round(at * 30) for number, at in enumerate(order) if CLEARED[cleared](number)}
    kept = [(at, was) for at, was in zip(found, expected, strict=True) if round(was * 30) not in taken_out]
    assert len(kept) == 48 - len(taken_out)
    assert [at for at, _ in kept] == pytest.approx([was for _, was in kept], abs=TICK)
    # Between two times that are known nothing can be more wrong than they are apart.
    assert found == pytest.approx(expected, abs=0.1)
    assert sound_begins(result) - found[0] == pytest.approx(sound_begins(source) - expected[0], abs=0.04)
    assert is_exact(compare_videos(source, info, result))
    assert any("some frames" in warning for warning in info.warnings)


@pytest.mark.parametrize("start", [0, 3600])
def test_at_a_constant_rate_all_times_are_right(start: int, tmp_path: Path) -> None:
    source = tmp_path / "source.ts"
    clips.irregular_stream(source, start, regular=True)
    clips.clear_times(source, CLEARED["every third"])
    _, result = send(source, tmp_path / "out")
    assert shown(result) == pytest.approx([start + n / 30 for n in range(60)], abs=TICK)


def test_frames_without_any_time_begin_with_the_sound(tmp_path: Path) -> None:
    """Their rate is all that is known; at 0 they would be an hour before their sound."""
    source = tmp_path / "source.ts"
    clips.irregular_stream(source, 3600, regular=True)
    clips.clear_times(source, lambda _: True)
    info, result = send(source, tmp_path / "out")
    assert info.needs == ("timestamps",)
    assert shown(result) == pytest.approx([3600 + n / 30 for n in range(60)], abs=0.05)
    assert sound_begins(result) == pytest.approx(sound_begins(source), abs=TICK)


@pytest.mark.parametrize("left_s", [1, 30])
def test_a_clock_near_its_end(left_s: int, tmp_path: Path) -> None:
    """A transport stream's clock begins anew after 26.5 hours; FFmpeg counts its last minute from -60."""
    source, start = tmp_path / "source.ts", 2**33 / 90_000 - left_s
    clips.irregular_stream(source, start)
    info, result = send(source, tmp_path / "out")
    assert info.pts[0] < 0
    assert result.suffix == ".ts"
    assert shown(result) == pytest.approx(clips.shown_at(-left_s), abs=TICK)
    assert is_exact(compare_videos(source, info, result))
    assert info.warnings == ()


@pytest.mark.parametrize("damaged", ["refuse", "conceal"])
def test_a_cut_recording_with_gaps(damaged: Literal["refuse", "conceal"], tmp_path: Path) -> None:
    """What comes before the first keyframe is left out, and is no damage."""
    whole, cut = tmp_path / "whole.ts", tmp_path / "cut.ts"
    clips.irregular_stream(whole, 3600)
    clips.clear_times(whole, CLEARED["every third"])
    packets = [whole.read_bytes()[at : at + 188] for at in range(0, whole.stat().st_size, 188)]
    cut.write_bytes(b"".join(packets[:3] + packets[len(packets) // 10 :]))
    info, result = send(cut, tmp_path / "out", PLANNING.replace(damaged=damaged))
    assert shown(result) == pytest.approx(clips.shown_at(3600)[12:], abs=0.1)
    assert is_exact(compare_videos(cut, info, result))
    assert not info.conceal
    assert any("before the first keyframe" in warning for warning in info.warnings)


def test_both_kinds_can_be_refused(clip: ClipMaker, tmp_path: Path) -> None:
    clips.irregular_stream(tmp_path / "source.ts")
    clips.clear_times(tmp_path / "source.ts", CLEARED["one"])
    for path in (tmp_path / "source.ts", clip("raw_h264.h264")):
        with pytest.raises(VideoRefusedError, match="no timestamps?, which the parameters of planning refuse"):
            probe_video(path, PLANNING.replace(missing_timestamps="refuse"))


def test_a_result_at_a_made_up_rate_is_not_exact(tmp_path: Path) -> None:
    """Whatever the plan says: the file itself is asked."""
    source, result = tmp_path / "source.ts", tmp_path / "result.ts"
    clips.irregular_stream(source)
    clips.clear_times(source, CLEARED["every third"])
    info, _ = send(source, tmp_path / "out")
    clips.run("-i", source, "-vf", "setpts=N/30/TB", "-c:v", "libx264", "-c:a", "copy", "-muxdelay", "0", result)
    made_up = probe_video(result, PLANNING)
    wrong = replace(info, pts=made_up.pts, time_base=made_up.time_base)
    comparison = compare_videos(source, wrong, result)
    assert comparison["max_pts_error_ms"] > 300
    assert not is_exact(comparison, 1)


def test_sound_that_moved_is_noticed(clip: ClipMaker, tmp_path: Path) -> None:
    source, result = clip("plain.mkv"), tmp_path / "result.mkv"
    clips.run("-i", source, "-itsoffset", "0.25", "-i", source, "-map", "0:v", "-map", "1:a", "-c", "copy", result)
    comparison = compare_videos(source, probe_video(source, PLANNING), result)
    assert comparison["audio_identical"]
    assert comparison["sound_offset_error_ms"] == pytest.approx(250, abs=1)
    assert not is_exact(comparison, 1)


def test_rewritten_frames_are_compared_with_the_source(clip: ClipMaker, tmp_path: Path) -> None:
    """A plan that lost a frame while rewriting would be kept to the letter."""
    source = clip("interlaced.mp4")
    info, result = send(source, tmp_path)
    assert is_exact(compare_videos(source, info, result))
    short = tmp_path / "short.mp4"
    clips.run("-i", result, "-frames:v", "29", "-c", "copy", short)
    comparison = compare_videos(source, replace(info, pts=info.pts[:29]), short)
    assert (comparison["frames_in"], comparison["frames_out"]) == (30, 29)
    assert not is_exact(comparison, 1)


@given(st.lists(st.integers(50, 4000), min_size=2, max_size=30), st.data(), st.integers(-(10**9), 10**9), st.booleans())
def test_gaps_are_filled_between_what_is_known(steps: list[int], data: st.DataObject, start: int, dts: bool) -> None:
    pts = [start + sum(steps[:i]) for i in range(len(steps))]
    known = data.draw(st.lists(st.booleans(), min_size=len(pts), max_size=len(pts)))
    assume(any(known))
    times = [FrameTime(at if is_known else None, at if dts else None) for at, is_known in zip(pts, known, strict=True)]
    filled = fill_gaps(times, 40)
    assert filled == sorted(set(filled))
    assert all(filled[i] == pts[i] for i in range(len(pts)) if known[i])
    if dts:  # the decoder's clock agrees with all that is known
        first, last = known.index(True), len(known) - known[::-1].index(True)
        assert filled[first:last] == pts[first:last]


def test_times_that_go_back_cannot_be_filled() -> None:
    with pytest.raises(VideoRefusedError, match="go back"):
        fill_gaps([FrameTime(10, None), FrameTime(None, None), FrameTime(5, None)], 1)
    with pytest.raises(VideoRefusedError, match="no room"):
        fill_gaps([FrameTime(10, None), FrameTime(None, None), FrameTime(11, None)], 1)
