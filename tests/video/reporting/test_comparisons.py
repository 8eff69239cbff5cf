"""Which frames are compared, and that their figures are those of a second, plain implementation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.video.clips import short_clip
from tests.video.trips import PLANNING, ClipMaker, convert, decode, send
from triptych.video.media.conversion import plan_conversion
from triptych.video.media.decoding import read_frames
from triptych.video.media.info import ColourTags, VideoInfo
from triptych.video.media.reader import DecodingError
from triptych.video.params import PlanningParams, ReportParams
from triptych.video.planning.blends import Blend
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.probing import probe_video
from triptych.video.planning.segments import cut_into_segments
from triptych.video.reporting import comparisons, looks
from triptych.video.reporting.comparisons import (
    Comparison,
    choose_runs,
    choose_shown,
    compare_frames,
    expect_result,
    spread,
)
from triptych.video.reporting.looks import Finished, compare_all
from triptych.video.stylizing import motion

Frame = NDArray[np.uint8]
Floats = NDArray[np.float64]
# Of each container and kind of clock; video_offset begins late, variable_rate has gaps, two_videos another first.
CLOCKS = ["plain.mp4", "plain.mov", "plain.mkv", "fractional_rate.mp4", "fractional_rate.mkv", "variable_rate.mkv",
          "video_offset.mp4", "edit_list.mp4", "transport_stream.ts", "program_stream.mpg", "two_videos.mp4",
          "cover_picture.mp4", "odd_size.mp4", "webm.webm"]  # fmt: skip

BLEND = Blend(("a.pth",), (("",),), ((0.0, (1.0,)),))


def plan(info: VideoInfo, segment_frames: int = 11) -> PlannedVideo:
    return PlannedVideo(
        info.name,
        info,
        "",
        BLEND,
        "key",
        tuple(cut_into_segments(info, segment_frames, 0)),
    )


def flow_of(source: Frame, target: Frame) -> Floats:
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (source, target)]
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(grey[0], grey[1], None)  # type: ignore[call-overload]
    cv2.setNumThreads(before)
    return np.asarray(flow, np.float64)


def look_up(picture: Floats, columns: Floats, rows: Floats) -> Floats:
    """Interpolate linearly between the four pixels around each place, by hand."""
    height, width = picture.shape[:2]
    left, top = np.floor(columns).astype(int), np.floor(rows).astype(int)
    across, down = (columns - left)[..., None], (rows - top)[..., None]

    def at(x: NDArray[np.int64], y: NDArray[np.int64]) -> Floats:
        return picture[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]

    upper = at(left, top) * (1 - across) + at(left + 1, top) * across
    lower = at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across
    return np.asarray(upper * (1 - down) + lower * down)


def plain_error(before: tuple[Frame, Frame], after: tuple[Frame, Frame]) -> float:
    """Follow the definition of Lai et al. with the masks of Ruder et al., a step a line."""
    flow, back = flow_of(*before), flow_of(*before[::-1])
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width]
    columns, rows = x + flow[..., 0], y + flow[..., 1]
    returning = look_up(back, columns, rows)
    round_trip = ((flow + returning) ** 2).sum(2)
    hidden = round_trip > 0.01 * ((flow**2).sum(2) + (returning**2).sum(2)) + 0.5
    padded = np.pad(flow, ((1, 1), (1, 1), (0, 0)), "reflect")
    smooth_down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across, down = (smooth_down[:, 2:] - smooth_down[:, :-2]) / 8, (smooth_across[2:] - smooth_across[:-2]) / 8
    edge = (across**2).sum(2) + (down**2).sum(2) > 0.01 * (flow**2).sum(2) + 0.002
    outside = (columns < 0) | (columns > width - 1) | (rows < 0) | (rows > height - 1)
    counted = ~hidden & ~edge & ~outside
    difference = after[0].astype(float) - look_up(after[1].astype(float), columns, rows)
    return float(np.sqrt((difference[counted] ** 2).mean()))


def pixels_of(path: Path, info: VideoInfo) -> list[Frame]:
    return [convert(info, frame) for frame in decode(path)]


@pytest.mark.parametrize(("pairs", "measured"), [(5, 5), (12, 10), (100, 10)])
def test_the_figures_are_those_of_a_plain_implementation_on_the_same_pairs(
    tmp_path: Path, pairs: int, measured: int
) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=40)
    info, target = send(source, tmp_path / "out")
    video = plan(info)
    compared = compare_frames(video, source, target, ReportParams(warping_pairs=pairs))
    befores, afters = pixels_of(source, info), pixels_of(target, probe_video(target, PLANNING))
    chosen = [number for run in choose_runs(video, measured) for number in run[:-1]]
    assert len(chosen) == measured
    two = [(befores[number : number + 2], afters[number : number + 2]) for number in chosen]
    expected = [plain_error((a, b), (c, d)) for (a, b), (c, d) in two]
    of_source = [plain_error((a, b), (a, b)) for (a, b), _ in two]
    # OpenCV interpolates in 32nds of a pixel, and single precision against double.
    assert compared.figures["warping_error"] == pytest.approx(np.mean(expected), rel=0.02)
    assert compared.figures["warping_error_source"] == pytest.approx(np.mean(of_source), rel=0.02)


@pytest.mark.parametrize("name", CLOCKS)
def test_a_result_has_the_times_that_are_expected_of_it(clip: ClipMaker, name: str, tmp_path: Path) -> None:
    info, target = send(clip(name), tmp_path)
    found, expected = probe_video(target, PlanningParams(max_pixels=2**62)), expect_result(info, target)
    assert (expected.pts, expected.time_base) == (found.pts, found.time_base)
    assert expected.frames_index == found.frames_index
    assert plan_conversion(expected) == plan_conversion(found)


def test_nothing_is_concealed_in_a_result(tmp_path: Path) -> None:
    """Else a frame at another time than expected would be taken for a damaged one, and another shown for it."""
    info, target = send(short_clip(tmp_path / "a.mp4", frames=12), tmp_path / "out")
    assert not expect_result(replace(info, conceal=True), target).conceal


def test_the_motion_of_a_pair_is_estimated_once_and_nothing_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=60)
    info, target = send(source, tmp_path / "out")
    estimate, flows, asked = motion.estimate_flow, 0, list[int]()

    def count_flows(*frames: Frame) -> NDArray[np.float32]:
        nonlocal flows
        flows += 1
        return estimate(*frames)

    def note_reads(path: Path, described: VideoInfo, pts: list[int], **options: int) -> object:
        asked.extend(pts if path == source else [])
        return read_frames(path, described, pts, **options)

    monkeypatch.setattr(motion, "estimate_flow", count_flows)
    monkeypatch.setattr(comparisons, "read_frames", note_reads)
    compare_frames(plan(info, 60), source, target, ReportParams(warping_pairs=24, pictures=4))
    assert flows == 2 * 15  # a quarter of the frames
    assert len(asked) == len(set(asked)) <= 15 + 3 + 4


def test_a_result_with_other_times_than_expected_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=20)
    info, target = send(source, tmp_path / "out")
    expected = compare_frames(plan(info), source, target, ReportParams())
    right = expect_result(info, target)
    wrong = replace(right, pts=tuple(pts + 1 for pts in right.pts))
    monkeypatch.setattr(comparisons, "expect_result", lambda *_: wrong)
    assert compare_frames(plan(info), source, target, ReportParams()).figures == expected.figures


def described(frames: int, keyframes: list[int]) -> VideoInfo:
    """Describe a video of which nothing but its times matters."""
    pts = tuple(range(0, 10 * frames, 10))
    return VideoInfo(
        name="a.mp4", container="mp4", duration_s=1, video_index=0, frames_index=0, codec="h264", width=64, height=48,
        time_base=Fraction(1, 250), pts=pts, last_duration=10, keyframes=tuple(pts[key] for key in keyframes),
        rate=Fraction(25), rotation=0, display_matrix=(), sample_aspect_ratio=Fraction(1), pixel_format="yuv420p",
        bit_depth=8, colours=ColourTags(), streams=(), chapters=(), needs=(), warnings=(),
    )  # fmt: skip


@settings(deadline=None)
@given(st.data())
def test_runs_have_as_many_pairs_as_asked_for_and_no_pair_twice(data: st.DataObject) -> None:
    frames = data.draw(st.integers(1, 400))
    keyframes = sorted({0, *data.draw(st.lists(st.integers(0, frames - 1), max_size=20))})
    video = plan(described(frames, keyframes), data.draw(st.integers(1, 150)))
    pairs, count = data.draw(st.integers(0, 60)), data.draw(st.integers(1, 30))
    runs = choose_runs(video, pairs)
    chosen = [number for run in runs for number in run[:-1]]
    assert len(chosen) == len(set(chosen)) == min(pairs, frames - 1)
    assert chosen == sorted(chosen)
    assert all(0 <= number < frames for run in runs for number in run)
    shown = choose_shown(count, frames, runs)
    assert len(shown) == len(set(shown)) == min(count, frames)
    assert shown == sorted(shown)
    assert all(abs(number - even) <= frames / count for number, even in zip(shown, spread(count, frames), strict=True))


def test_runs_begin_where_decoding_can_and_pictures_are_taken_from_them() -> None:
    keyframes = list(range(0, 600, 50))
    video = plan(described(600, keyframes), 150)
    runs = choose_runs(video, 24)
    assert [len(run) - 1 for run in runs] == [6, 6, 6, 6]
    assert [run[0] for run in runs] == [0, 150, 300, 450]
    assert all(any(number in run for run in runs) for number in choose_shown(4, 600, runs))
    one_segment = choose_runs(plan(described(600, keyframes), 600), 24)
    assert [run[0] for run in one_segment[1:]] == [200, 350, 500]


def test_a_long_video_is_read_in_stretches_that_begin_at_keyframes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=300)
    info, target = send(source, tmp_path / "out", segment_frames=75)
    stretches: list[list[int]] = []

    def note_reads(path: Path, described: VideoInfo, pts: list[int], **options: int) -> object:
        if path == target:
            stretches.append([described.pts.index(each) for each in pts])
        return read_frames(path, described, pts, **options)

    monkeypatch.setattr(comparisons, "read_frames", note_reads)
    compare_frames(plan(info, 75), source, target, ReportParams(warping_pairs=24, pictures=4))
    assert len(stretches) == 4
    assert [stretch[0] for stretch in stretches] == [0, 75, 150, 225]


def test_only_what_cannot_be_decoded_is_left_without_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is none of the video's."""
    source = short_clip(tmp_path / "a.mp4", frames=12)
    info, target = send(source, tmp_path / "out")
    finished = [Finished(plan(info), source, target)]

    def fail(error: Exception) -> Comparison:
        raise error

    monkeypatch.setattr(looks, "compare_frames", lambda *_: fail(DecodingError("damaged")))
    assert compare_all(finished, tmp_path, ReportParams()) == {}
    monkeypatch.setattr(looks, "compare_frames", lambda *_: fail(TypeError("a bug")))
    with pytest.raises(TypeError, match="a bug"):
        compare_all(finished, tmp_path, ReportParams())


def test_frames_that_no_sheet_shows_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=12)
    info, target = send(source, tmp_path / "out")
    video = plan(info)
    monkeypatch.setattr(looks, "SHEET_VIDEOS", 2)
    finished = [Finished(replace(video, name=f"{number}.mp4"), source, target) for number in range(3)]
    compared = compare_all(finished, tmp_path, ReportParams(pictures=1))
    assert [len(each.before) for each in compared.values()] == [1, 1, 0]
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_several_videos_at_once_have_the_figures_of_each_alone(tmp_path: Path) -> None:
    finished = []
    for seed in range(4):
        source = short_clip(tmp_path / str(seed) / f"{seed}.mp4", frames=20, seed=seed)
        info, target = send(source, tmp_path / str(seed) / "out")
        finished.append(Finished(plan(info), source, target))
    threads = cv2.getNumThreads()
    together = compare_all(finished, tmp_path, ReportParams(pictures=2))
    assert cv2.getNumThreads() == threads
    assert list(together) == [f"{seed}.mp4" for seed in range(4)]
    for item in finished:
        (alone,) = compare_all([item], tmp_path, ReportParams(pictures=2)).values()
        assert together[item.video.name].figures == alone.figures
    assert len(list(tmp_path.glob("*.png"))) == 8


def test_pictures_of_videos_with_like_names_do_not_overwrite_each_other(tmp_path: Path) -> None:
    source = short_clip(tmp_path / "a.mp4", frames=12)
    info, target = send(source, tmp_path / "out")
    video = plan(info)
    finished = [Finished(replace(video, name=name), source, target) for name in ("a/b.mp4", "a_b.mp4")]
    (tmp_path / "pictures").mkdir()
    compare_all(finished, tmp_path / "pictures", ReportParams(pictures=1))
    assert len(list((tmp_path / "pictures").rglob("*.png"))) == 2
