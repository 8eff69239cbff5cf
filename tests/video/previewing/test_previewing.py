"""A still of each video in each style, short clips with sound; what is bad is named and loses nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.styles import save_style, save_styles
from tests.video.trips import PLANNING, ClipMaker, decode, show
from triptych.video.media.decoding import read_planes
from triptych.video.params import EncodingParams, PreviewParams, SmoothingParams, StyleParams
from triptych.video.planning.probing import probe_video
from triptych.video.planning.sources import LIST
from triptych.video.previewing.clips import keep_first
from triptych.video.previewing.looks import Look, Notes, find_looks
from triptych.video.previewing.previewing import preview
from triptych.video.previewing.sheet import draw_sheet, fit
from triptych.video.previewing.stills import paint_still

pytestmark = pytest.mark.timeout(120)
STYLE = StyleParams(runtime="eager", threads=1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return the default one of two files with three styles, beside one that is broken and one of something else."""
    folder = tmp_path / "models"
    folder.mkdir()
    save_styles(folder, 2, ["oil", "pen"]).rename(folder / "painters.pth")
    (folder / "broken.pth").write_bytes(b"junk")
    (folder / "cut.pth").write_bytes((folder / "painters.pth").read_bytes()[:2000])
    return save_style(folder, 1)


@pytest.fixture
def sources(tmp_path: Path, clip: ClipMaker) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    names = ["chapters.mkv", "interlaced.mp4", "plain.mp4"]
    for name in names:
        shutil.copy(clip(name), folder / name)
    (folder / "bad.mp4").write_bytes(b"no video")
    listed = {"videos": sorted([*names, "bad.mp4"]), "failed": {"gone.mp4": "it is gone"}}
    (folder / LIST).write_text(json.dumps(listed))
    return folder


def run(sources: Path, models: Path, clips: Path, **wish: Any) -> tuple[NDArray[np.uint8], Notes]:
    clips.mkdir()
    style = STYLE.replace(styles={"i*": "painters/oil > painters/pen", "c*": "painters"})
    settings = (
        PLANNING,
        style,
        SmoothingParams(method="none"),
        EncodingParams(preset="ultrafast"),
        PreviewParams(**wish),
    )
    return preview(sources, models, clips, *settings)


def test_bad_videos_and_styles_lose_no_others(sources: Path, models: Path, tmp_path: Path) -> None:
    sheet, notes = run(sources, models, tmp_path / "clips", first_frames=9)
    reasons = {each["name"]: each["reason"] for each in notes}
    assert set(reasons) == {"bad.mp4", "gone.mp4", "broken.pth", "cut.pth", "chapters.mkv"}
    assert "could not be fetched" in reasons["gone.mp4"]
    assert "name one of them" in reasons["chapters.mkv"]  # its stills are shown all the same
    assert sheet.shape[0] > 3 * 240
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["interlaced.mp4", "plain.mp4"]


def test_a_clip_has_the_first_frames_at_their_times_with_their_sound(
    sources: Path, models: Path, tmp_path: Path
) -> None:
    run(sources, models, tmp_path / "clips", first_frames=9)
    before, after = decode(sources / "plain.mp4"), decode(tmp_path / "clips/plain.mp4")
    assert [frame.time for frame in after] == [frame.time for frame in before[:9]]
    assert np.abs(show(after[3]) - show(before[3])).mean() > 10
    with av.open(str(tmp_path / "clips/plain.mp4")) as short, av.open(str(sources / "plain.mp4")) as whole:
        packets = [[bytes(packet) for packet in each.demux(audio=0) if packet.size] for each in (short, whole)]
    assert packets[0] == packets[1][: len(packets[0])]
    assert 0 < len(packets[0]) < 0.5 * len(packets[1])


def test_no_clips_unless_asked_for_and_no_more_videos_than_wished(sources: Path, models: Path, tmp_path: Path) -> None:
    small, notes = run(sources, models, tmp_path / "clips", videos=2, height_px=60)
    assert not list((tmp_path / "clips").iterdir())
    left = [each["name"] for each in notes if "video.preview.videos" in each["reason"]]
    assert left == ["interlaced.mp4", "plain.mp4"]
    assert small.shape[0] < 600


def test_without_any_video_there_is_a_sheet(models: Path, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / LIST).write_text(json.dumps({"videos": [], "failed": {}}))
    for path in models.parent.glob("[bc]*.pth"):
        path.unlink()
    sheet, notes = run(tmp_path / "sources", models, tmp_path / "clips", first_frames=3)
    assert (sheet.ndim, notes) == (3, [])


def test_every_style_of_every_file_is_found(models: Path) -> None:
    notes: Notes = []
    looks = find_looks(models, notes)
    assert [look.label for look in looks] == ["painters/oil", "painters/pen", "style1"]
    assert [look.shares for look in looks] == [(1, 0), (0, 1), (1,)]
    assert {each["name"] for each in notes} == {"broken.pth", "cut.pth"}


def test_the_default_style_is_shown_whatever_its_ending(models: Path) -> None:
    model = models.rename(models.with_name("candy.model"))
    assert "candy" in [look.label for look in find_looks(model, [])]


@pytest.mark.parametrize("name", ["plain.mp4", "rgb.mp4", "ten_bit.mp4", "odd_size.mp4"])
def test_stills_have_the_colours_of_the_frame(name: str, models: Path, clip: ClipMaker) -> None:
    info = probe_video(clip(name), PLANNING)
    ((_, frame),) = read_planes(clip(name), info, info.pts[5:6])
    look = Look("style1", models, (1.0,))
    stills = dict(paint_still(info, frame, [look], STYLE.replace(strength=0.0)))
    assert np.abs(stills["as it is"] - show(decode(clip(name))[5])).mean() < 4
    assert np.abs(stills["style1"].astype(int) - stills["as it is"]).mean() < 5  # colour has half the columns and rows
    painted = dict(paint_still(info, frame, [look], STYLE.replace(keep_colours=True)))["style1"].astype(int)
    plain = dict(paint_still(info, frame, [look], STYLE))["style1"].astype(int)
    assert np.abs(painted - plain).mean() > 3


def test_the_first_frames_are_a_video_of_their_own(clip: ClipMaker) -> None:
    info = probe_video(clip("variable_rate.mkv"), PLANNING)
    first = keep_first(info, 4)
    assert (first.frames, first.pts) == (4, info.pts[:4])
    assert first.durations == info.durations[:4]
    assert keep_first(info, 10_000) == info


def test_stills_of_any_shape_lie_in_their_cells() -> None:
    tall = fit(np.full((400, 100, 3), 7, np.uint8), 100)
    assert tall.shape == (100, 25, 3)
    sheet = draw_sheet([("a", [("b", tall)] * 11), ("é", [])], 100)
    assert (sheet == 7).all(2).sum() == 11 * 100 * 25
