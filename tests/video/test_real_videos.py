"""All videos beside the project, with frames unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video.trips import FAST, send
from triptych.video.restitching.verification import compare_videos, is_exact

FRAMES = {"nasa.mp4": 325, "pancake.mkv": 310, "car.mp4": 377, "bunny.webm": 720, "rotated_90.mov": 3}


@pytest.mark.real_data
@pytest.mark.parametrize("name", FRAMES)
def test_exact(name: str, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "video" / name
    info, result = send(source, tmp_path, encoding=FAST, segment_frames=120)
    comparison = compare_videos(source, info, result)
    assert is_exact(comparison), comparison
    assert comparison["frames_out"] == FRAMES[name]
    assert comparison["max_audio_error_ms"] == 0
    assert comparison["subtitles_identical"]
    assert comparison["subtitles_out"] == (2 if name == "nasa.mp4" else 0)
