"""Frames are rewritten only where needed, in time, and without loss."""

from __future__ import annotations

import time
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, decode
from triptych.video.planning.normalising import normalise_video
from triptych.video.planning.probing import VideoRefusedError, probe_video

pytestmark = pytest.mark.timeout(60)


def test_what_needs_nothing_stays(clip: ClipMaker, tmp_path: Path) -> None:
    path = clip("plain.mp4")
    info = probe_video(path, PLANNING)
    assert normalise_video(path, info, tmp_path, PLANNING) == (path, info)
    assert not list(tmp_path.iterdir())


def test_untimed_frames_are_counted_and_unchanged(clip: ClipMaker, tmp_path: Path) -> None:
    path = clip("raw_h264.h264")
    info = probe_video(path, PLANNING)
    assert info.needs == ("timestamps",)
    frames, normalised = normalise_video(path, info, tmp_path, PLANNING)
    times = [float(pts * normalised.time_base) for pts in normalised.pts]
    assert times == pytest.approx([i / 30 for i in range(30)])
    for before, after in zip(decode(path), decode(frames), strict=True):
        assert np.array_equal(before.to_ndarray(), after.to_ndarray())
    assert (normalised.name, normalised.container, normalised.warnings) == (info.name, info.container, info.warnings)


def test_deinterlaced_frames_keep_number_times_and_picture(clip: ClipMaker, tmp_path: Path) -> None:
    path = clip("interlaced.mp4")
    info = probe_video(path, PLANNING)
    frames, normalised = normalise_video(path, info, tmp_path, PLANNING)
    assert [pts * normalised.time_base for pts in normalised.pts] == [pts * info.time_base for pts in info.pts]
    changed = 0
    for before, after in zip(decode(path), decode(frames), strict=True):
        assert not after.interlaced_frame
        # The first field, here the even lines, stays as it is; the lines between are made to its time.
        fields = [frame.to_ndarray()[: frame.height] for frame in (before, after)]
        assert np.array_equal(fields[0][::2], fields[1][::2])
        changed += not np.array_equal(fields[0][1::2], fields[1][1::2])
    assert changed > 10


@pytest.mark.parametrize("interlaced_first", [False, True])
def test_parts_that_are_interlaced_are_deinterlaced(interlaced_first: bool, tmp_path: Path) -> None:
    """A progressive beginning hides nothing, and what is progressive keeps every pixel."""
    whole, path = tmp_path / "whole.ts", tmp_path / "mixed.mkv"
    clips.mixed(whole, interlaced_first=interlaced_first)
    clips.run("-i", whole, "-c", "copy", path)
    before = decode(path)
    marked = [frame.interlaced_frame for frame in before]
    assert marked == ([True] * 60 + [False] * 60 if interlaced_first else [False] * 60 + [True] * 60)
    info = probe_video(path, PLANNING)
    assert info.needs == ("deinterlacing_parts",)
    frames, normalised = normalise_video(path, info, tmp_path, PLANNING)
    assert [pts * normalised.time_base for pts in normalised.pts] == [pts * info.time_base for pts in info.pts]
    after = decode(frames)
    changed = [not np.array_equal(a.to_ndarray(), b.to_ndarray()) for a, b in zip(before, after, strict=True)]
    assert not any(is_changed and not was for is_changed, was in zip(changed, marked, strict=True))
    assert sum(changed) > 40
    assert not any(frame.interlaced_frame for frame in after)
    with pytest.raises(VideoRefusedError, match="parts of it are interlaced"):
        probe_video(path, PLANNING.replace(interlaced="refuse"))


def test_a_rewriting_of_several_times_the_limit_goes_on(
    clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an hour of interlaced video takes more than the limit, though it gets on all the time."""
    path, slow = clip("interlaced.mp4"), tmp_path / "ffmpeg"
    program = imageio_ffmpeg.get_ffmpeg_exe()
    slow.write_text(f'#!/bin/sh\nfor i in 1 2 3 4 5 6; do echo frame=$i; sleep 0.4; done\nexec {program} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(slow))
    _, info = normalise_video(path, probe_video(path, PLANNING), tmp_path, PLANNING.replace(timeout_s=1.2))
    assert info.frames == 30


def test_one_that_stands_still_is_given_up(clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, stuck = clip("interlaced.mp4"), tmp_path / "ffmpeg"
    stuck.write_text("#!/bin/sh\nwhile true; do echo frame=7; echo speed=$i; sleep 0.1; done\n")
    stuck.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(stuck))
    begin = time.monotonic()
    with pytest.raises(VideoRefusedError, match="no further for 0.5 s"):
        normalise_video(path, probe_video(path, PLANNING), tmp_path, PLANNING.replace(timeout_s=0.5))
    assert time.monotonic() - begin < 5


def test_it_gives_up_in_time_and_leaves_nothing(clip: ClipMaker, tmp_path: Path) -> None:
    path = clip("raw_h264.h264")
    info = probe_video(path, PLANNING)
    with pytest.raises(VideoRefusedError, match="got no further for 0.001 s"):
        normalise_video(path, info, tmp_path, PLANNING.replace(timeout_s=0.001))
    assert not list(tmp_path.iterdir())
