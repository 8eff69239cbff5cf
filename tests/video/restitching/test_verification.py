"""The comparison notices what a careless tool would lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker
from triptych.video.planning.probing import probe_video
from triptych.video.restitching.verification import compare_videos, is_exact

LOSSES = {
    "no sound": ("plain.mp4", ["-an", "-c", "copy"], "audio_identical"),
    "sound encoded anew": ("plain.mp4", ["-c:v", "copy", "-c:a", "aac"], "audio_identical"),
    "one of two sounds": ("two_audio_streams.mp4", ["-c", "copy"], "audio_identical"),
    "another size": ("plain.mp4", ["-s", "32x24", "-c:a", "copy"], "size_kept"),
    "turned": ("rotation.mp4", ["-c:a", "copy"], "rotation_kept"),
    "square pixels": ("sample_aspect_ratio.mp4", ["-c:a", "copy", "-vf", "setsar=1"], "sample_aspect_ratio_kept"),
    "another range": ("full_range.mp4", ["-vf", "scale=out_range=tv,format=yuv420p"], "colours_kept"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_noticed(loss: str, clip: ClipMaker, tmp_path: Path) -> None:
    name, options, noticed = LOSSES[loss]
    source, result = clip(name), tmp_path / "result.mp4"
    clips.run("-i", source, *options, result)
    comparison = compare_videos(source, probe_video(source, PLANNING), result)
    assert comparison[noticed] is False
    assert not is_exact(comparison)


def test_another_rate_is_noticed(clip: ClipMaker, tmp_path: Path) -> None:
    source, result = clip("variable_rate.mp4"), tmp_path / "result.mp4"
    clips.run("-i", source, "-r", "30", "-c:a", "copy", result)
    comparison = compare_videos(source, probe_video(source, PLANNING), result)
    assert comparison["frames_out"] != comparison["frames_in"]
    assert comparison["max_pts_error_ms"] > 30
    assert not is_exact(comparison)


def test_lost_subtitles_and_chapters_are_counted(clip: ClipMaker, tmp_path: Path) -> None:
    for name, options, what in (
        ("subtitles.mp4", ["-sn"], "subtitles"),
        ("chapters.mp4", ["-map_chapters", "-1"], "chapters"),
    ):
        source, result = clip(name), tmp_path / name
        clips.run("-i", source, "-c", "copy", *options, result)
        comparison = compare_videos(source, probe_video(source, PLANNING), result)
        assert comparison[f"{what}_in"] > comparison[f"{what}_out"] == 0
        assert is_exact(comparison)


def test_a_video_equals_itself(clip: ClipMaker) -> None:
    source = clip("two_audio_streams.mkv")
    comparison = compare_videos(source, probe_video(source, PLANNING), source)
    assert is_exact(comparison)
    assert comparison["audio_streams"] == 2
