"""The video workload from a landing folder to finished videos, at test size."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from tests.preloaded.scripts import PreloadedScripts
from tests.video.clips import short_clip
from triptych.errors import InputError

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "data" / "01_raw" / "video" / "temple.mp4"
RunProject = Callable[..., Path]
FILES = [
    "02_intermediate/video/confirmed.json",
    "02_intermediate/video/sources/temple.mp4",
    "03_primary/video/plan.json",
    "07_model_output/video/finished/temple.mp4",
    "07_model_output/video/results.json",
    "08_reporting/video/metrics.json",
    "08_reporting/video/videos.csv",
    "08_reporting/video/contact_sheet.png",
    "07_model_output/video/stylizing.json",
]


def read_pts(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0) if frame.time is not None]


def hash_audio(path: Path) -> str:
    with av.open(str(path)) as container:
        return hashlib.sha256(b"".join(bytes(packet) for packet in container.demux(audio=0))).hexdigest()


def read_metrics(data_root: Path) -> dict[str, float]:
    metrics: dict[str, float] = json.loads((data_root / "08_reporting/video/metrics.json").read_text())
    return metrics


def read_videos(data_root: Path) -> pd.DataFrame:
    return pd.read_csv(data_root / "08_reporting/video/videos.csv").set_index("name")


def hash_segments(data_root: Path) -> dict[str, str]:
    folder = data_root / "07_model_output/video/segments"
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.mp4")}


def test_every_file_is_there_and_nothing_half_written(video_run: Path) -> None:
    for file in FILES:
        assert (video_run / file).stat().st_size > 0, file
    assert not [path for path in video_run.rglob("*") if path.name.endswith(".part") or (path.name.startswith(".")
                and path.name != ".keep")]  # fmt: skip


def test_frames_times_and_sound_are_those_of_the_source(video_run: Path) -> None:
    finished = video_run / "07_model_output/video/finished/temple.mp4"
    assert read_pts(finished) == read_pts(CLIP)
    assert hash_audio(finished) == hash_audio(CLIP)


def test_the_frames_are_styled_and_still_of_the_same_scene(video_run: Path) -> None:
    finished = video_run / "07_model_output/video/finished/temple.mp4"
    with av.open(str(finished)) as after, av.open(str(CLIP)) as before:
        styled = next(after.decode(video=0)).to_ndarray(format="rgb24").astype(float)
        plain = next(before.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    assert styled.shape == plain.shape
    assert np.abs(styled - plain).mean() > 20
    rows = slice(0, None, 8)
    assert np.corrcoef(styled[rows, rows].mean(2).ravel(), plain[rows, rows].mean(2).ravel())[0, 1] > 0.5


def test_metrics_and_table_agree(video_run: Path) -> None:
    metrics, videos = read_metrics(video_run), read_videos(video_run)
    assert (metrics["videos"], metrics["quarantined"], metrics["frames"]) == (1, 0, 150)
    assert metrics["frames_per_s"] > 0
    row = videos.loc["temple.mp4"]
    assert (row["frames_in"], row["frames_out"], row["max_pts_error_ms"]) == (150, 150, 0)
    assert (row["audio_identical"], row["status"]) == (True, "finished")
    assert row["warping_error"] > 0


def test_only_new_videos_are_done_and_earlier_ones_stay(run_project: RunProject, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    short_clip(landing / "b.mp4")
    params = {"video_raw": str(landing)}
    data_root = run_project("video", env="test", params=params)
    first = (data_root / "07_model_output/video/finished/b.mp4").stat().st_mtime_ns
    short_clip(landing / "a.mp4", seed=1)
    run_project("video", env="test", params=params)
    assert sorted(read_videos(data_root).index) == ["a.mp4", "b.mp4"]
    assert (data_root / "07_model_output/video/finished/b.mp4").stat().st_mtime_ns == first
    assert json.loads((data_root / "03_primary/video/plan.json").read_text())["videos"][0]["name"] == "a.mp4"
    run_project("video", env="test", params=params)
    assert read_metrics(data_root)["videos"] == 2


def test_bad_videos_are_put_aside_and_good_ones_finish(run_project: RunProject, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    good = short_clip(landing / 'it\'s [good] "1".mp4')
    (landing / "empty.mp4").write_bytes(b"")
    (landing / "text.mp4").write_text("no video at all\n" * 100)
    (landing / "cut.mp4").write_bytes(good.read_bytes()[:3000])
    data_root = run_project("video", env="test", params={"video_raw": str(landing)})
    videos = read_videos(data_root)
    assert videos["status"].to_dict() == {
        good.name: "finished", "empty.mp4": "quarantined", "text.mp4": "quarantined", "cut.mp4": "quarantined"
    }  # fmt: skip
    assert videos.loc["empty.mp4", "reason"] == "the file is empty"
    quarantine = data_root / "08_reporting/video/quarantine"
    assert {path.name for path in quarantine.glob("*.mp4")} == {"empty.mp4", "text.mp4", "cut.mp4"}
    assert (quarantine / "text.mp4.reason.txt").read_text().splitlines()[0] == videos.loc["text.mp4", "reason"]
    with pytest.raises(InputError, match="none of the 2 new videos"):
        run_project("video", env="test", params={"video_raw": str(landing), "video_retry": "empty.mp4|t*.mp4"})
    assert {video["name"] for video in json.loads((data_root / "07_model_output/video/results.json").read_text())} == {
        "empty.mp4", "text.mp4"
    }  # fmt: skip


def test_a_run_that_finishes_no_new_video_fails_when_all_is_saved(run_project: RunProject, tmp_path: Path) -> None:
    landing, data_root = tmp_path / "landing", tmp_path / "data"
    short_clip(landing / "good.mp4")
    params = {"video_raw": str(landing)}
    run_project("video", env="test", params=params)
    for name in ("empty.mp4", "another.mp4"):
        (landing / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"none of the 2 new videos.*quarantine"):
        run_project("video", env="test", params=params)
    assert (data_root / "08_reporting/video/quarantine/empty.mp4.reason.txt").is_file()
    assert read_videos(data_root).loc["empty.mp4", "status"] == "quarantined"
    confirmed = json.loads((data_root / "02_intermediate/video/confirmed.json").read_text())
    assert set(confirmed) == {"good.mp4", "empty.mp4", "another.mp4"}
    run_project("video", env="test", params=params)  # nothing is new now
    assert read_metrics(data_root)["new_videos"] == 0


def test_a_run_that_fails_confirms_nothing(run_project: RunProject, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    short_clip(landing / "a.mp4")
    params = {"video_raw": str(landing)}
    data_root = run_project("video", env="test", params=params, to_nodes=["video.restitch_videos"])
    assert not (data_root / "02_intermediate/video/confirmed.json").exists()
    run_project("video", env="test", params=params)
    assert read_metrics(data_root)["segments_skipped"] == read_metrics(data_root)["segments"] == 3
    assert list(json.loads((data_root / "02_intermediate/video/confirmed.json").read_text())) == ["a.mp4"]


def test_what_changes_is_made_anew(run_project: RunProject, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    short_clip(landing / "a.mp4")
    params: dict[str, Any] = {"video_raw": str(landing)}
    data_root = run_project("video", env="test", params=params)
    (data_root / "02_intermediate/video/confirmed.json").unlink()
    run_project("video", env="test", params={**params, "video": {"style": {"strength": 0.5}}})
    assert read_metrics(data_root)["segments_done"] == 3
    (data_root / "02_intermediate/video/confirmed.json").unlink()
    next((data_root / "07_model_output/video/segments").rglob("*.mp4")).write_bytes(b"damaged")
    run_project("video", env="test", params=params)
    assert read_metrics(data_root)["segments_done"] in (0, 1)


@pytest.fixture
def planned(clips_run: Path, tmp_path: Path) -> Path:
    """Return a data_root of the test's own where two clips are planned and nothing is painted."""
    for stage in ("02_intermediate", "03_primary"):
        shutil.copytree(clips_run / stage, tmp_path / "data" / stage)
    (tmp_path / "data/02_intermediate/video/confirmed.json").unlink()
    return tmp_path / "data"


def stylize(data_root: Path, clips: Path) -> list[str]:
    """Give the options of `kedro` that paint what is planned."""
    params = (
        f"data_root={data_root},video_raw={clips},mlflow_uri=sqlite:///{data_root}/mlflow.db,"
        f"mlflow_artifacts={data_root}/artifacts"
    )
    nodes = ["--pipelines", "video", "--nodes", "video.stylize_segments"]
    return ["run", "--env", "test", *nodes, "--params", params]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_any_number_of_ranks_writes_the_same_segments(
    planned: Path, clips: Path, clips_run: Path, preloaded: PreloadedScripts, ranks: int
) -> None:
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    mpirun = [str(Path(sys.executable).with_name("mpirun")), "--oversubscribe", "-n", str(ranks)]
    command = preloaded.kedro(*stylize(planned, clips))
    run = subprocess.run(
        [*(mpirun if ranks > 1 else []), *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    hashes = hash_segments(planned)
    assert len(hashes) == 4 + 3
    assert hashes == hash_segments(clips_run)


def test_after_a_kill_only_what_is_missing_is_done(planned: Path, clips: Path, preloaded: PreloadedScripts) -> None:
    segments = planned / "07_model_output/video/segments"
    options = stylize(planned, clips)
    command = [sys.executable, "-m", "kedro", *options]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 120
    while len(list(segments.rglob("*.json"))) < 2 and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in segments.rglob("*.json")}
    assert 2 <= len(before) < 7
    run = subprocess.run(preloaded.kedro(*options), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    report = json.loads((planned / "07_model_output/video/stylizing.json").read_text())
    assert (report["done"], report["skipped"]) == (7 - len(before), len(before))
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in before.items())
