from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.video.clips import raw_h264, short_clip
from triptych.video.media import ffmpeg as ffmpeg_module
from triptych.video.params import PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.planning.probing import VideoInfo, probe_video


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return the default one of three styles; what is in them does not matter here."""
    for name in ("ink", "mosaic", "strokes"):
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / f"{name}.pth").write_text(name)
    return tmp_path / "models" / "mosaic.pth"


def plan(
    folder: Path, models: Path, style: StyleParams, smoothing: SmoothingParams, workers: int = 1
) -> dict[str, Any]:
    names = [path.name for path in (folder / "sources").iterdir()]
    (folder / "normalised").mkdir(exist_ok=True)
    planning = PlanningParams(segment_frames=10, workers=workers)
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
    planned = plan(tmp_path, models, StyleParams(), SmoothingParams(method="none"))
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
        plan(tmp_path, models, StyleParams(), SmoothingParams(method="none"))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    shutil.rmtree(tmp_path / "normalised")
    with pytest.raises(FileNotFoundError):
        plan(tmp_path, models, StyleParams(), SmoothingParams(method="none"))


def test_cores_are_shared_out(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four videos at once on eight cores: two threads each, as the commands say that are run."""
    (tmp_path / "sources").mkdir()
    raw_h264(tmp_path / "sources" / "0.h264")
    for name in "1234":
        shutil.copy(tmp_path / "sources" / "0.h264", tmp_path / "sources" / f"{name}.h264")
    monkeypatch.setattr("triptych.parallel.count_cores", lambda: 8)
    commands: list[list[str]] = []
    compiled = ffmpeg_module.compile_command

    def note(stream: Any) -> list[str]:
        commands.append(compiled(stream))
        return commands[-1]

    monkeypatch.setattr(ffmpeg_module, "compile_command", note)
    plan(tmp_path, models, StyleParams(), SmoothingParams(method="none"), workers=4)
    assert len(commands) == 5
    for command in commands:
        assert [command[i + 1] for i, word in enumerate(command) if word == "-threads"] == ["2", "2"]


def test_as_many_at_once_as_there_are_cores(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcdef":
        short_clip(tmp_path / "sources" / f"{name}.mp4", 2)
    monkeypatch.setattr("triptych.parallel.count_cores", lambda: 2)
    running, most = set(), []

    def probe(path: Path, planning: PlanningParams) -> VideoInfo:
        running.add(path)
        most.append(len(running))
        time.sleep(0.05)
        running.discard(path)
        return probe_video(path, planning)

    monkeypatch.setattr("triptych.video.planning.plans.probe_video", probe)
    plan(tmp_path, models, StyleParams(), SmoothingParams(method="none"), workers=0)
    assert max(most) == 2


def test_the_key_knows_what_pixels_depend_on(tmp_path: Path, models: Path) -> None:
    short_clip(tmp_path / "sources" / "a.mp4", 5)
    settings = [
        (StyleParams(), SmoothingParams(method="none")),
        (StyleParams(strength=0.5), SmoothingParams(method="none")),
        (StyleParams(styles={"*": "ink"}), SmoothingParams(method="none")),
        (StyleParams(), SmoothingParams(method="blend_output")),
        (StyleParams(), SmoothingParams(method="blend_output", weight=0.4)),
    ]
    keys = [read_plan(plan(tmp_path, models, *pair))[0].source_key for pair in settings]
    assert len(set(keys)) == len(keys)
    same = read_plan(
        plan(tmp_path, models, StyleParams(threads=1, batch_size=3), SmoothingParams(method="none", weight=0.1))
    )
    assert same[0].source_key == keys[0]
    models.write_text("trained anew")
    assert read_plan(plan(tmp_path, models, *settings[0]))[0].source_key != keys[0]
