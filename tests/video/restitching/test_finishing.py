"""Every video is finished under a name of its own, and what is wrong with one loses no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.video.clips import run
from tests.video.stylizing.shares import Identity, list_all, make_stylizer, plan
from tests.video.trips import FAST, ClipMaker, decode
from triptych.video.restitching.finishing import FINISHED, finish_videos
from triptych.video.stylizing.store import SegmentStore

pytestmark = pytest.mark.timeout(60)


def test_a_result_does_not_take_the_place_of_another(clip: ClipMaker, tmp_path: Path) -> None:
    """`clip.avi` becomes `clip.avi.mp4`, which somebody may have made before and put beside it."""
    sources = tmp_path / "sources"
    sources.mkdir()
    shutil.copy(clip("avi_mpeg4.avi"), sources / "clip.avi")
    run("-i", clip("plain.mp4"), "-t", "0.5", "-c", "copy", sources / "clip.avi.mp4")
    (tmp_path / "style.pth").write_bytes(b"weights")
    videos, store = plan(sources, tmp_path / "style.pth"), SegmentStore(tmp_path / "segments")
    work = list_all(videos)
    make_stylizer(sources, store, Identity()).stylize(work, lambda _: None)
    keys = {video.name: [item.key for item in work if item.video.name == video.name] for video in videos}
    results = finish_videos(videos, keys, sources, store, tmp_path / "finished", FAST)
    assert [result["status"] for result in results] == [FINISHED] * 2
    files = {result["name"]: result["file"] for result in results}
    assert files["clip.avi.mp4"] == "clip.avi.mp4"
    for video in videos:
        assert len(decode(tmp_path / "finished" / files[video.name])) == video.info.frames
