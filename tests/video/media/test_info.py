"""A description survives JSON."""

from __future__ import annotations

import json

import pytest

from tests.video.trips import PLANNING, ClipMaker
from triptych.video.media.info import VideoInfo
from triptych.video.planning.probing import probe_video


@pytest.mark.parametrize("name", ["chapters.mp4", "rotation.mov", "latin_title.mkv", "one_frame.mp4", "ten_bit.mp4"])
def test_json_and_back(name: str, clip: ClipMaker) -> None:
    info = probe_video(clip(name), PLANNING)
    assert VideoInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_durations_reach_to_the_next_frame(clip: ClipMaker) -> None:
    info = probe_video(clip("variable_rate.mp4"), PLANNING)
    assert len(set(info.durations)) > 1
    assert [pts + duration for pts, duration in zip(info.pts, info.durations, strict=True)][:-1] == list(info.pts[1:])
    assert info.durations[-1] == info.last_duration > 0
