"""A style is trained at test size, and used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pandas as pd

from tests.e2e.test_video_sample import read_videos
from tests.video.clips import short_clip


def test_a_trained_style_paints_a_video(run_project: Callable[..., Path], tmp_path: Path) -> None:
    data_root = run_project("video_style", env="test")
    network = data_root / "06_models/video/style.pth"
    log = pd.read_csv(data_root / "08_reporting/video/style_log.csv")
    assert log["step"].tolist() == [1, 2, 3]
    metrics = json.loads((data_root / "08_reporting/video/style_metrics.json").read_text())
    assert 0 < metrics["patch_distance"] < 3
    preview = cv2.imread(str(data_root / "08_reporting/video/style_preview.png"))
    assert preview is not None
    assert preview.std() > 10
    assert json.loads((data_root / "08_reporting/video/style.plotly.json").read_text())["data"]
    short_clip(tmp_path / "landing" / "a.mp4", 13)
    params = {"video_raw": str(tmp_path / "landing"), "style_model": str(network)}
    videos = read_videos(run_project("video", env="test", params=params))
    row = videos.loc["a.mp4"].to_dict()
    assert (row["status"], row["style"], row["frames_out"]) == ("finished", "style", 13)
