"""Every video is finished under a name of its own, and what is wrong with one loses no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.video.clips import run
from tests.video.stylizing.shares import Identity, list_all, make_stylizer, plan
from tests.video.trips import FAST, PLANNING, ClipMaker, decode
from triptych.video.params import ReportParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.reporting.looks import Finished, compare_all
from triptych.video.restitching.finishing import FINISHED, finish_videos
from triptych.video.stylizing.reading import SegmentReader
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.stylizing import SegmentStylizer

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


def test_names_as_long_as_file_systems_take_are_finished_and_shown(clip: ClipMaker, tmp_path: Path) -> None:
    """Downloads are often called so, and one name must not end the step for all others."""
    sources, normalised = tmp_path / "sources", tmp_path / "normalised"
    for folder in (sources, normalised):
        folder.mkdir()
    names = {
        f"{'映' * 83}.mp4": "plain.mp4",
        f"{'n' * 251}.avi": "avi_untimed.avi",
        f"{'n' * 250}b.avi": "avi_mpeg4.avi",
    }
    for name, source in names.items():
        shutil.copy(clip(source), sources / name)
    (tmp_path / "style.pth").write_bytes(b"weights")
    smoothing = SmoothingParams(method="none")
    described = plan_videos(
        sources, list(names), normalised, tmp_path / "style.pth", PLANNING, StyleParams(), smoothing
    )
    videos, store = read_plan(described), SegmentStore(tmp_path / "segments")
    work = list_all(videos)
    reader = SegmentReader(sources, normalised, store, FAST)
    SegmentStylizer(reader, store, lambda _: Identity(), smoothing, FAST).stylize(work, lambda _: None)
    keys = {video.name: [item.key for item in work if item.video.name == video.name] for video in videos}
    target = tmp_path / "finished"
    results = finish_videos(videos, keys, sources, store, target, FAST)
    assert {(result["status"], result["frames_out"]) for result in results} == {(FINISHED, 30)}
    assert len({result["file"] for result in results}) == 3
    assert all((target / result["file"]).is_file() for result in results)
    files = {result["name"]: result["file"] for result in results}
    done = [Finished(video, video.frames_path(sources, normalised), target / files[video.name]) for video in videos]
    compare_all(done, tmp_path / "pictures", ReportParams(warping_pairs=0, pictures=1))
    assert len(list((tmp_path / "pictures").iterdir())) == 3
