"""Ranks share the photos, and what a killed one leaves undone is all that the next run does."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.preloaded.scripts import PreloadedScripts
from tests.ranks import start_ranks
from tests.shelf.tiny import draw_photo, write_model
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.chunks import share_chunks
from triptych.shelf.scoring.ranks import score_as_rank
from triptych.shelf.scoring.scoring import collect_scores, score_folder

SCORING = ScoringParams(score_threshold=0.06, batch_size=2, overlays=False)
PHOTOS = 24

CHILD = """
import json, os, sys, time
from pathlib import Path
from triptych.shelf.model import prediction
prediction.LOOK_AHEAD = 1
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.ranks import score_as_rank
plain, pause_s = prediction._predict_batch, float(sys.argv[5])
def slow(*arguments):
    time.sleep(pause_s)
    return plain(*arguments)
prediction._predict_batch = slow
model, photos, scored, reports = map(Path, sys.argv[1:5])
report = score_as_rank(model, photos, scored, ScoringParams(score_threshold=0.06, batch_size=2, overlays=False))
(reports / f"{os.environ['RANK']}.json").write_text(json.dumps(report))
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of two sizes, one twice, and one that is none."""
    folder = tmp_path / "new"
    folder.mkdir()
    for number in range(PHOTOS - 2):
        draw_photo(number, ((96, 64), (64, 96))[number % 2]).save(folder / f"{number:02}.png")
    (folder / "twin.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "broken.jpg").write_text("no photo")
    return folder


def collect(model: Path, photos: Path, scored: Path, report: dict[str, Any]) -> Any:
    return collect_scores(model, photos, scored, report, SCORING)


def start(preloaded: PreloadedScripts, tmp_path: Path, scored: Path, pause_s: float) -> Any:
    (tmp_path / "reports").mkdir(exist_ok=True)
    arguments = [str(tmp_path / name) for name in ("model", "new")]
    return start_ranks(preloaded.code(CHILD, *arguments, str(scored), str(tmp_path / "reports"), str(pause_s)), 3)


def test_three_ranks_find_what_one_does(photos: Path, model: Path, tmp_path: Path, preloaded: PreloadedScripts) -> None:
    for process in start(preloaded, tmp_path, tmp_path / "three", 0.0):
        assert process.wait(120) == 0, process.stderr.read()
    reports = [json.loads(path.read_text()) for path in sorted((tmp_path / "reports").iterdir())]
    assert {report["job"] for report in reports} == {reports[0]["job"]}
    assert PHOTOS - 2 <= sum(report["scored"] for report in reports) <= PHOTOS - 1  # two ranks may meet the twins
    three, one = (
        collect(model, photos, tmp_path / "three", reports[2]),
        score_folder(model, photos, tmp_path / "one", SCORING),
    )
    assert_alike(three, one)
    assert len(one[1]) == PHOTOS - 1
    assert one[2]["file"].tolist() == three[2]["file"].tolist() == ["broken.jpg"]
    assert list((tmp_path / "three" / "chunks").rglob("*.json")) == []


def assert_alike(ours: Any, theirs: Any) -> None:
    """The same but for the last digits, which depend on threads and batches."""
    pd.testing.assert_frame_equal(ours[1], theirs[1])
    assert len(ours[0]) == len(theirs[0]) > 0
    for one, other in zip(ours[0], theirs[0], strict=True):
        assert (one["file_name"], one["category"]) == (other["file_name"], other["category"])
        assert one["score"] == pytest.approx(other["score"], abs=0.01)
        assert one["bbox"] == pytest.approx(other["bbox"], abs=0.5)


def test_after_a_rank_is_killed_only_missing_photos_are_scored(
    photos: Path, model: Path, tmp_path: Path, preloaded: PreloadedScripts
) -> None:
    scored = tmp_path / "scored"
    processes = start(preloaded, tmp_path, scored, 0.3)
    patience = time.monotonic() + 60
    while count_results(scored) < 4 and time.monotonic() < patience:
        time.sleep(0.02)
    processes[1].send_signal(signal.SIGKILL)
    for process in processes:
        process.communicate(timeout=120)
    done = count_results(scored)
    assert 4 <= done < PHOTOS - 2, "the killed rank had claimed photos that nobody else takes"
    report = json.loads((tmp_path / "reports" / "0.json").read_text())
    with pytest.raises(RuntimeError, match=r"photos were not scored, such as \d\d.png: .*run the same again"):
        collect(model, photos, scored, report)
    again = score_as_rank(model, photos, scored, SCORING)
    assert again["scored"] == PHOTOS - 2 - done
    assert_alike(collect(model, photos, scored, again), score_folder(model, photos, tmp_path / "fresh", SCORING))


def count_results(scored: Path) -> int:
    return len([path for path in scored.glob("*/??/*.json") if path.parent.parent.name != "chunks"])


def test_a_quick_rank_takes_over_what_a_slow_one_has_not_begun(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two ranks one never comes: the other does all."""
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("AZUREML_RUN_ID", "job")
    report = score_as_rank(model, photos, tmp_path / "scored", SCORING)
    assert (report["scored"], report["ranks"]) == (PHOTOS - 2, 2)
    # Started again in the same job, it finds that all is done.
    assert score_as_rank(model, photos, tmp_path / "scored", SCORING)["scored"] == 0
    assert len(collect(model, photos, tmp_path / "scored", report)[1]) == PHOTOS - 1


@pytest.mark.parametrize(("photos_", "ranks_"), [(1, 1), (3, 4), (24, 3), (5000, 3)])
def test_every_photo_is_in_one_chunk_of_one_rank(photos_: int, ranks_: int) -> None:
    names = [f"{number:05}.jpg" for number in range(photos_)]
    shares = share_chunks(names, ranks_)
    assert sorted(name for share in shares for chunk in share for name in chunk.names) == names
    sizes = [sum(chunk.pixels for chunk in share) for share in shares]
    assert max(sizes) - min(sizes) <= max(chunk.pixels for share in shares for chunk in share)
    assert len({chunk.key for share in shares for chunk in share}) == sum(map(len, shares))
