"""A rank that dies takes its job with it; submitted again, the job makes what is missing and no more."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.azure.cluster import Cluster
from tests.azure.step_runs import StepError
from tests.preloaded.scripts import PreloadedScripts
from tests.video.clips import short_clip

pytestmark = pytest.mark.timeout(900)
FRAMES, SEGMENT_FRAMES = 216, 12
PATIENCE_S = 300


def kill_processes_in(folder: Path) -> int:
    """Kill (-9) whatever Python works in a folder; return how many there were."""
    killed = 0
    for process in psutil.process_iter(["cwd", "name"]):
        if process.info["cwd"] == str(folder) and process.info["name"].startswith(("python", "kedro")):
            process.kill()
            killed += 1
    return killed


def list_records(work: Path) -> dict[Path, int]:
    """Give the time of change of every segment that is done, which its record tells."""
    paths = (work / "07_model_output/video/segments").glob("*/*.json")
    return {path: path.stat().st_mtime_ns for path in paths}


def test_after_a_rank_was_killed_only_missing_segments_are_made(
    tmp_path: Path, preloaded: PreloadedScripts, empty_tracking: Path
) -> None:
    short_clip(tmp_path / "landing" / "a.mp4", FRAMES)
    params = {"video_raw": str(tmp_path / "landing")}
    (tmp_path / "cluster").mkdir()
    cluster = Cluster.set_up(tmp_path / "cluster", ["video"], params, preloaded, empty_tracking)
    work = cluster.folder / "work"
    killed = []

    def kill_rank_1() -> None:
        end = time.monotonic() + PATIENCE_S
        while len(list_records(work)) < 2 and time.monotonic() < end:
            time.sleep(0.005)
        killed.append(kill_processes_in(cluster.job_folder("video") / "code/video_stylize_segments/1"))

    killer = threading.Thread(target=kill_rank_1)
    killer.start()
    with pytest.raises(StepError, match="video_stylize_segments") as error:
        cluster.run("video")
    killer.join()
    assert killed == [1]
    assert "signal 9" in str(error.value)

    before = list_records(work)
    assert 2 <= len(before) < FRAMES // SEGMENT_FRAMES
    run = cluster.run("video", attempt=2)
    after = list_records(work)
    assert len(after) == FRAMES // SEGMENT_FRAMES
    assert {path: after[path] for path in before} == before
    report = json.loads((run.outputs["video_stylizing_report"] / "stylizing.json").read_text())
    assert report["segments"] == len(after)
    # Of the three ranks this one reports; each passes over what was there, and makes a share of the rest.
    assert report["skipped"] == len(before)
    assert 0 < report["done"] <= -(-(len(after) - len(before)) // 3)
    metrics = json.loads((run.outputs["video_metrics"] / "metrics.json").read_text())
    assert (metrics["videos"], metrics["frames"]) == (1, FRAMES)
