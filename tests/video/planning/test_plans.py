from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.video.clips import raw_h264, short_clip
from triptych.video.params import PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import choose_styles, plan_videos, read_plan


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return the default one of three styles; what is in them does not matter here."""
    for name in ("ink", "mosaic", "strokes"):
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / f"{name}.pth").write_text(name)
    return tmp_path / "models" / "mosaic.pth"


def test_a_style_is_chosen_by_the_first_pattern_that_fits(models: Path) -> None:
    style = StyleParams(styles={"night/*": "ink", "*.mkv": "strokes"})
    assert choose_styles("night/a.mkv", style, models) == [(1, "ink.pth")]
    assert choose_styles("a.mkv", style, models) == [(1, "strokes.pth")]
    assert choose_styles("a.mp4", style, models) == [(1, "mosaic.pth")]


def test_weights_of_a_blend_add_up_to_one(models: Path) -> None:
    blend = choose_styles("a.mp4", StyleParams(styles={"*": "mosaic:3 + ink"}), models)
    assert blend == [(0.75, "mosaic.pth"), (0.25, "ink.pth")]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("etching", "no style 'etching' in .*, which has ink, mosaic, strokes"),
        ("ink:much", "'ink:much' must be NAME or NAME:WEIGHT"),
        ("ink:0", "weights must be above 0"),
        ("ink:nan", "weights must be above 0"),
    ],
)
def test_a_style_that_cannot_be_is_refused_before_the_first_frame(models: Path, wanted: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"video.style.styles: .*{message}"):
        choose_styles("a.mp4", StyleParams(styles={"*": wanted}), models)


def plan(folder: Path, models: Path, style: StyleParams, smoothing: SmoothingParams) -> dict[str, Any]:
    names = [path.name for path in (folder / "sources").iterdir()]
    (folder / "normalised").mkdir(exist_ok=True)
    planning = PlanningParams(segment_frames=10, workers=1)
    return plan_videos(folder / "sources", names, folder / "normalised", models, planning, style, smoothing)


def test_a_plan_holds_every_frame_once_and_survives_json(tmp_path: Path, models: Path) -> None:
    short_clip(tmp_path / "sources" / "a.mp4", 25)
    planned = plan(tmp_path, models, StyleParams(), SmoothingParams(method="blend_output", lead_frames=4))
    (video,) = read_plan(json.loads(json.dumps(planned)))
    assert [pts for segment in video.segments for pts in segment.pts] == list(video.info.pts)
    assert [len(segment.lead_pts) for segment in video.segments] == [0, 4, 4]
    assert video.to_json() == planned["videos"][0]


def test_a_bad_video_is_refused_and_the_good_one_planned(tmp_path: Path, models: Path) -> None:
    short_clip(tmp_path / "sources" / "good.mp4", 5)
    (tmp_path / "sources" / "bad.mp4").write_bytes(b"no video")
    planned = plan(tmp_path, models, StyleParams(), SmoothingParams())
    assert [video.name for video in read_plan(planned)] == ["good.mp4"]
    (refused,) = planned["refused"]
    assert refused["name"] == "bad.mp4"
    assert refused["reason"]


def test_a_full_disk_is_no_videos_fault(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step fails, to be run again; a video that is refused never is."""
    (tmp_path / "sources").mkdir()
    raw_h264(tmp_path / "sources" / "raw.h264")
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\necho 'Error writing trailer: No space left on device' >&2\nexit 228\n")
    script.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    with pytest.raises(OSError, match="No space left"):
        plan(tmp_path, models, StyleParams(), SmoothingParams())
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    shutil.rmtree(tmp_path / "normalised")
    with pytest.raises(FileNotFoundError):
        plan(tmp_path, models, StyleParams(), SmoothingParams())


def test_the_key_knows_what_pixels_depend_on(tmp_path: Path, models: Path) -> None:
    short_clip(tmp_path / "sources" / "a.mp4", 5)
    settings = [
        (StyleParams(), SmoothingParams()),
        (StyleParams(strength=0.5), SmoothingParams()),
        (StyleParams(styles={"*": "ink"}), SmoothingParams()),
        (StyleParams(), SmoothingParams(method="blend_output")),
        (StyleParams(), SmoothingParams(method="blend_output", weight=0.4)),
    ]
    keys = [read_plan(plan(tmp_path, models, *pair))[0].source_key for pair in settings]
    assert len(set(keys)) == len(keys)
    same = read_plan(plan(tmp_path, models, StyleParams(threads=1, batch_size=3), SmoothingParams(weight=0.1)))
    assert same[0].source_key == keys[0]
    models.write_text("trained anew")
    assert read_plan(plan(tmp_path, models, *settings[0]))[0].source_key != keys[0]
