"""A rank that dies takes its job with it; submitted again, the job makes what is missing and no more."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from tests.azure.cluster import Cluster
from tests.azure.step_runs import StepError
from tests.bench import Bench, MakeBench
from tests.video.clips import short_clip

pytestmark = pytest.mark.timeout(1800)
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


class RepeatedRun(NamedTuple):
    """What a job left whose rank 1 was killed, and what it left when it was submitted again."""

    killed: int
    message: str
    before: dict[Path, int]
    after: dict[Path, int]
    report: dict[str, Any]
    metrics: dict[str, Any]


def kill_and_repeat(bench: Bench) -> RepeatedRun:
    """Run video, kill rank 1 when two segments are done, and run it again."""
    short_clip(bench.folder / "landing" / "a.mp4", FRAMES)
    params = {"video_raw": str(bench.folder / "landing")}
    cluster = Cluster.set_up(bench, ["video"], params)
    work = cluster.folder / "work"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cluster.run, "video")
        end = time.monotonic() + PATIENCE_S
        while len(list_records(work)) < 2 and not first.done() and time.monotonic() < end:
            time.sleep(0.005)
        killed = kill_processes_in(cluster.job_folder("video") / "code/video_stylize_segments/1")
    with pytest.raises(StepError, match="video_stylize_segments") as error:
        first.result()
    before = list_records(work)
    outputs = cluster.run("video", attempt=2).outputs
    report = json.loads((outputs["video_stylizing_report"] / "stylizing.json").read_text())
    metrics = json.loads((outputs["video_metrics"] / "metrics.json").read_text())
    return RepeatedRun(killed, str(error.value), before, list_records(work), report, metrics)


@pytest.fixture(scope="session")
def repeated_run(make_bench: MakeBench) -> RepeatedRun:
    return kill_and_repeat(make_bench("repeated_run"))


def test_after_a_rank_was_killed_only_missing_segments_are_made(repeated_run: RepeatedRun) -> None:
    killed, message, before, after, report, metrics = repeated_run
    assert killed == 1
    assert "signal 9" in message
    assert 2 <= len(before) < FRAMES // SEGMENT_FRAMES
    assert len(after) == FRAMES // SEGMENT_FRAMES
    assert {path: after[path] for path in before} == before
    assert report["segments"] == len(after)
    # Of the three ranks this one reports; each passes over what was there, and makes a share of the rest, and what
    # others have not come to.
    assert report["skipped"] == len(before)
    assert 0 < report["done"] < len(after) - len(before)
    assert (metrics["videos"], metrics["frames"]) == (1, FRAMES)
