"""What a rank makes of a plan: everything once, whatever an earlier job of the same name has left."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.video.clips import short_clip
from tests.video.styles import save_style
from triptych.video.params import EncodingParams, PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.store import SegmentStore

pytestmark = pytest.mark.timeout(120)
STYLE = StyleParams(runtime="eager", threads=1)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two files of equal content."""
    short_clip(tmp_path / "sources" / "a.mp4", 24)
    shutil.copy(tmp_path / "sources" / "a.mp4", tmp_path / "sources" / "b.mp4")
    return tmp_path / "sources"


def stylize(sources: Path, segment_frames: int = 12) -> dict[str, Any]:
    folder = sources.parent
    style = save_style(folder, 0)
    names = [path.name for path in sources.iterdir()]
    planning = PlanningParams(segment_frames=segment_frames)
    plan = plan_videos(sources, names, folder, style, planning, STYLE, SmoothingParams(method="none"))
    encoding = EncodingParams(preset="ultrafast")
    return stylize_as_rank(
        sources, folder, plan, style, folder / "segments", STYLE, SmoothingParams(method="none"), encoding
    )


def as_rank(number: int, ranks: int, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("OMPI_COMM_WORLD_RANK", str(number))
    patch.setenv("OMPI_COMM_WORLD_SIZE", str(ranks))
    patch.setenv("AZUREML_RUN_ID", "the same")


def count_missing(sources: Path, report: dict[str, Any]) -> int:
    store = SegmentStore(sources.parent / "segments")
    return sum(store.find(key) is None for keys in report["keys"].values() for key in keys)


def test_equal_videos_are_made_once(sources: Path) -> None:
    report = stylize(sources)
    assert (report["segments"], report["done"], report["skipped"], report["frames"]) == (4, 2, 2, 24)
    assert count_missing(sources, report) == 0


def test_a_job_of_the_same_name_with_other_segments_makes_them(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is started again may give mpirun the process number, and so the name, it had before."""
    as_rank(0, 2, monkeypatch)
    stylize(sources)
    assert count_missing(sources, stylize(sources, segment_frames=6)) == 0


def test_a_job_of_the_same_name_with_fewer_ranks_waits_for_none(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(0, 3, monkeypatch)
    report = stylize(sources)
    key = report["keys"]["a.mp4"][0]
    store = SegmentStore(sources.parent / "segments")
    (claim,) = store.folder.glob(f"claims/*/{key}")
    other = claim.with_name("rank-2")
    other.write_text("token")
    claim.write_text("2 token")  # of a rank that was killed at work
    store.video_path(key).unlink()
    as_rank(0, 2, monkeypatch)
    assert count_missing(sources, stylize(sources)) == 0
