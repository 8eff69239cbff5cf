"""Frames are rewritten only where needed, in time, and without loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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


def test_it_gives_up_in_time_and_leaves_nothing(clip: ClipMaker, tmp_path: Path) -> None:
    path = clip("raw_h264.h264")
    info = probe_video(path, PLANNING)
    with pytest.raises(VideoRefusedError, match="took longer than 0.001 s"):
        normalise_video(path, info, tmp_path, PLANNING.replace(timeout_s=0.001))
    assert not list(tmp_path.iterdir())
