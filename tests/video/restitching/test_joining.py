"""Segments that do not fit are refused, and the target appears whole or stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.video.trips import FAST, PLANNING, ClipMaker, encode_segments
from triptych.video.params import EncodingParams
from triptych.video.planning.probing import VideoInfo, probe_video
from triptych.video.restitching.joining import RestitchingError, restitch, target_name

pytestmark = pytest.mark.timeout(60)
Prepared = tuple[Path, VideoInfo, list[Path]]


@pytest.fixture
def prepared(clip: ClipMaker, tmp_path: Path) -> Prepared:
    source = clip("plain.mp4")
    info = probe_video(source, PLANNING)
    return source, info, encode_segments(source, info, tmp_path)


def assert_refused(prepared: Prepared, segments: list[Path], reason: str, tmp_path: Path) -> None:
    source, info, _ = prepared
    target = tmp_path / "out" / "plain.mp4"
    target.parent.mkdir()
    target.write_text("what was there before")
    with pytest.raises(RestitchingError, match=reason):
        restitch(source, info, segments, target, FAST)
    assert target.read_text() == "what was there before"
    assert [path.name for path in target.parent.iterdir()] == ["plain.mp4"]


def test_a_missing_segment(prepared: Prepared, tmp_path: Path) -> None:
    assert_refused(prepared, prepared[2][:-1], "hold [0-9]+ of the 30 frames", tmp_path)


def test_a_segment_too_many(prepared: Prepared, tmp_path: Path) -> None:
    assert_refused(prepared, [*prepared[2], prepared[2][0]], "more frames than the 30", tmp_path)


def test_a_segment_of_another_encoding(prepared: Prepared, tmp_path: Path) -> None:
    source, info, segments = prepared
    others = encode_segments(source, info, tmp_path / "other", EncodingParams(preset="medium"))
    assert_refused(prepared, [*segments[:-1], others[-1]], "other settings", tmp_path)


def test_a_segment_that_is_no_video(prepared: Prepared, tmp_path: Path) -> None:
    prepared[2][-1].write_text("nothing")
    assert_refused(prepared, prepared[2], "does not take its streams", tmp_path)


@pytest.mark.parametrize(
    ("name", "container", "expected"),
    [
        ("a.mp4", "mp4", "a.mp4"), ("a.M4V", "mp4", "a.M4V"), ("a.mov", "mov", "a.mov"), ("a.mts", "mpegts", "a.mts"),
        ("a.webm", "webm", "a.webm.mkv"), ("a.b.avi", "avi", "a.b.avi.mkv"), ("a", "mp4", "a.mp4"),
    ],
)  # fmt: skip
def test_names_of_results(name: str, container: str, expected: str, prepared: Prepared) -> None:
    info = replace(prepared[1], name=name, container=container, pts=tuple(i * 512 * 3 for i in range(30)))
    assert target_name(info, FAST) == expected
