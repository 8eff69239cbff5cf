"""A preview shows all videos, also those that are finished, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2

from tests.video.clips import short_clip
from tests.video.trips import decode


def test_a_preview_confirms_nothing(run_project: Callable[..., Path], tmp_path: Path) -> None:
    short_clip(tmp_path / "landing" / "a.mp4", 13)
    params = {"video_raw": str(tmp_path / "landing")}
    data_root = run_project("video", env="test", params=params)
    ledger = data_root / "02_intermediate/video/confirmed.json"
    confirmed = ledger.read_bytes()
    assert "a.mp4" in confirmed.decode()
    (tmp_path / "landing" / "bad.mp4").write_bytes(b"no video")
    run_project("video_preview", env="test", params={**params, "video": {"preview": {"first_frames": 5}}})
    assert ledger.read_bytes() == confirmed
    report = data_root / "08_reporting/video"
    sheet = cv2.imread(str(report / "preview.png"))
    assert sheet is not None
    assert sheet.std() > 10
    assert [each["name"] for each in json.loads((report / "preview_notes.json").read_text())] == ["bad.mp4"]
    assert len(decode(report / "preview_clips/a.mp4")) == 5
