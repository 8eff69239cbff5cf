"""A folder of photos is scored whatever is in it, and an interrupted scoring goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.preloaded.scripts import PreloadedScripts
from tests.shelf.tiny import draw_photo, write_model
from triptych.shelf.evaluation import overlays
from triptych.shelf.model import prediction
from triptych.shelf.model.files import DESCRIPTION
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.chunks import Chunk, Outcome, Outcomes
from triptych.shelf.scoring.photo_measures import measure_scored_photos
from triptych.shelf.scoring.ranks import score_as_rank
from triptych.shelf.scoring.scoring import collect_scores, score_folder

Scores = tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame, Any]
ALL = ScoringParams(score_threshold=0.06, batch_size=2)

CHILD = """
import sys, time
from pathlib import Path
from triptych.shelf.model import prediction
from triptych.shelf.model.files import DESCRIPTION
prediction.LOOK_AHEAD = 1
from triptych.shelf.scoring import scoring
from triptych.shelf.params import ScoringParams
plain = prediction._predict_batch
def slow(*arguments):
    time.sleep(0.5)
    return plain(*arguments)
prediction._predict_batch = slow
model, photos, scored = map(Path, sys.argv[1:])
scoring.score_folder(model, photos, scored, ScoringParams(score_threshold=0.06, batch_size=1))
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five photos of several sizes and kinds, in folders."""
    folder = tmp_path / "new"
    (folder / "aisle 1/ö").mkdir(parents=True)
    draw_photo(1).save(folder / "b.jpg")
    draw_photo(2, (64, 96)).save(folder / "aisle 1/tall.PNG")
    draw_photo(3, (200, 150)).convert("L").save(folder / "aisle 1/ö/grey.webp")
    draw_photo(4).save(folder / "aisle 1/b.jpg")
    draw_photo(5, (31, 17)).convert("RGBA").save(folder / "a.png")
    (folder / "notes.txt").write_text("no photo", encoding="utf-8")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the photos that the detector sees: their widths."""
    seen: list[int] = []
    plain = prediction._predict_batch

    def watch(detector: Any, batch: Any, *rest: Any) -> Any:
        seen.extend(photo.whole[1] for photo in batch)
        return plain(detector, batch, *rest)

    monkeypatch.setattr(prediction, "_predict_batch", watch)
    return seen


def test_every_photo_is_scored_whatever_its_kind(photos: Path, model: Path, tmp_path: Path) -> None:
    detections, counts, rejected, overlays = score_folder(model, photos, tmp_path / "scored", ALL)
    names = ["a.png", "aisle 1/b.jpg", "aisle 1/tall.PNG", "aisle 1/ö/grey.webp", "b.jpg"]
    assert counts["file_name"].tolist() == names
    assert counts["image_id"].tolist() == [1, 2, 3, 4, 5]
    assert counts[["width", "height"]].to_numpy().tolist() == [[31, 17], [96, 64], [64, 96], [200, 150], [96, 64]]
    assert counts["detections"].sum() == len(detections) > 0
    assert list(counts.columns) == ["image_id", "file_name", "width", "height", "detections"]
    for item in detections:
        assert item["file_name"] == names[item["image_id"] - 1]
        assert {"category_id", "bbox", "score", "segmentation", "category"} <= item.keys()
        assert item["score"] >= 0.06
        assert item["segmentation"]["size"] == counts.loc[item["image_id"] - 1, ["height", "width"]].tolist()
    assert json.loads(json.dumps(detections)) == detections
    assert rejected.empty
    assert list(rejected.columns) == ["file", "reason"]
    drawn = sorted(path.name for path in overlays.path.iterdir())
    assert drawn == ["a.jpg", "aisle_1_b.jpg", "aisle_1_tall.jpg", "aisle_1_ö_grey.jpg", "b.jpg"]
    with Image.open(overlays.path / "aisle_1_tall.jpg") as image:
        assert image.height > 1024


def test_what_was_scored_is_not_scored_again(photos: Path, model: Path, tmp_path: Path, predicted: list[int]) -> None:
    scored = tmp_path / "scored"
    first = score_folder(model, photos, scored, ALL)
    assert len(predicted) == 5
    predicted.clear()
    (photos / "b.jpg").rename(photos / "c.jpg")
    draw_photo(6, (50, 40)).save(photos / "z.png")
    second = score_folder(model, photos, scored, ALL)
    assert predicted == [50]
    renamed = [{**item, "file_name": "c.jpg"} for item in first[0] if item["file_name"] == "b.jpg"]
    assert [item for item in second[0] if item["file_name"] == "c.jpg"] == renamed != []
    assert second[1]["file_name"].tolist()[-2:] == ["c.jpg", "z.png"]
    # Another threshold needs no other predictions, another model does.
    predicted.clear()
    assert len(score_folder(model, photos, scored, ScoringParams(score_threshold=0.9))[0]) < len(second[0])
    assert predicted == []
    score_folder(write_model(tmp_path / "other", seed=1), photos, scored, ALL)
    assert len(predicted) == 6


def test_what_was_drawn_is_not_drawn_again(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def watch(photo: Any, marks: Any, name: str, *rest: Any, **options: Any) -> Any:
        drawn.append(name)
        return overlays.draw_overlay(photo, marks, name, *rest, **options)

    monkeypatch.setattr("triptych.shelf.scoring.drawings.draw_overlay", watch)
    (photos / "twin.jpg").write_bytes((photos / "b.jpg").read_bytes())
    first = score_folder(model, photos, tmp_path / "scored", ALL)[3]
    assert len(drawn) == 6
    pictures = {path.name: path.read_bytes() for path in first.path.iterdir()}
    drawn.clear()
    draw_photo(6, (50, 40)).save(photos / "z.png")
    second = score_folder(model, photos, tmp_path / "scored", ALL)[3]
    assert drawn == ["z.png"]
    again = {path.name: path.read_bytes() for path in second.path.iterdir()}
    assert again.pop("z.jpg")
    assert again == pictures
    # A picture that would look otherwise is drawn anew, and takes the place of the one before.
    drawn.clear()
    score_folder(model, photos, tmp_path / "scored", ALL.replace(score_threshold=0.9))
    assert len(drawn) > 0
    assert len(list((tmp_path / "scored").rglob("*.jpg"))) == 7


def test_a_damaged_result_is_computed_again(photos: Path, model: Path, tmp_path: Path, predicted: list[int]) -> None:
    scored = tmp_path / "scored"
    before = score_folder(model, photos, scored, ALL)
    for file, text in zip(sorted(scored.rglob("*.json"))[:2], ["", '{"photo": "x"}'], strict=True):
        file.write_text(text, encoding="utf-8")
    predicted.clear()
    after = score_folder(model, photos, scored, ALL)
    assert len(predicted) == 2
    assert after[0] == before[0]
    pd.testing.assert_frame_equal(after[1], before[1])


def test_bad_photos_are_rejected_and_the_others_scored(photos: Path, model: Path, tmp_path: Path) -> None:
    good = (photos / "b.jpg").read_bytes()
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.png").write_text("no photo", encoding="utf-8")
    (photos / "half.jpg").write_bytes(good[: len(good) // 2])
    (photos / "half_again.jpg").write_bytes(good[: len(good) // 2])
    draw_photo(7, (300, 300)).save(photos / "large.png")
    (photos / "outside.jpg").symlink_to(tmp_path / "model" / "weights.pt")
    scoring = ScoringParams(score_threshold=0.06, max_pixels=40_000)
    _, counts, rejected, overlays = score_folder(model, photos, tmp_path / "scored", scoring)
    assert len(counts) == len(list(overlays.path.iterdir())) == 5
    reasons = dict(rejected.to_numpy().tolist())
    assert list(reasons) == ["empty.jpg", "half.jpg", "half_again.jpg", "large.png", "outside.jpg", "text.png"]
    assert "empty file" in reasons["empty.jpg"]
    assert reasons["half.jpg"] == reasons["half_again.jpg"]
    assert "90000 pixels" in reasons["large.png"]


def test_a_photo_that_goes_after_it_was_scored_costs_its_picture_only(
    photos: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = score_as_rank(model, photos, tmp_path / "scored", ALL)
    (photos / "a.png").unlink()
    (photos / "b.jpg").write_bytes(b"half a photo")
    detections, counts, rejected, overlays = collect_scores(model, photos, tmp_path / "scored", report, ALL)
    assert len(counts) == 5
    assert {item["file_name"] for item in detections} == set(counts.loc[counts["detections"] > 0, "file_name"])
    assert rejected.empty
    assert len(list(overlays.path.iterdir())) == 3
    assert "2 photos are not drawn, as they have changed since they were scored, such as a.png: no" in caplog.text


@pytest.mark.parametrize("text", ["", "[", "null", "[{}, {}]", '[{"a.png": "x"}]', "[1, 2]"])
def test_a_damaged_note_of_what_was_done_is_none(text: str, tmp_path: Path) -> None:
    outcomes, chunk = Outcomes(tmp_path, "job"), Chunk(("a.png", "b.png"))
    outcomes.write(chunk, Outcome({"a.png": "1"}, {"b.png": "no photo"}))
    assert outcomes.find(chunk) == Outcome({"a.png": "1"}, {"b.png": "no photo"})
    (path,) = (tmp_path / "chunks/job").iterdir()
    path.write_text(text)
    assert outcomes.find(chunk) is None


def test_a_lower_limit_holds_for_what_was_scored_before(photos: Path, model: Path, tmp_path: Path) -> None:
    score_folder(model, photos, tmp_path / "scored", ALL)
    _, counts, rejected, _ = score_folder(model, photos, tmp_path / "scored", ScoringParams(max_pixels=20_000))
    assert rejected["file"].tolist() == ["aisle 1/ö/grey.webp"]
    assert len(counts) == 4


def test_nothing_but_bad_photos_gives_empty_tables(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.jpg").write_bytes(b"")
    detections, counts, rejected, overlays = score_folder(model, tmp_path / "new", tmp_path / "scored", ALL)
    assert (detections, len(counts), len(rejected), list(overlays.path.iterdir())) == ([], 0, 1, [])
    assert "detections" in counts.columns


def test_an_empty_folder_is_an_error_that_names_it(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/notes.txt").touch()
    with pytest.raises(ValueError, match=f"{tmp_path / 'new'} holds no photos"):
        score_folder(model, tmp_path / "new", tmp_path / "scored", ALL)


def test_overlays_can_be_left_out_and_categories_are_counted(photos: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "two", categories=("gap", "label"), masks=False)
    scoring = ScoringParams(score_threshold=0.06, overlays=False)
    detections, counts, _, overlays = score_folder(model, photos, tmp_path / "scored", scoring)
    assert list(overlays.path.iterdir()) == []
    assert (counts["detections.gap"] + counts["detections.label"] == counts["detections"]).all()
    named = [item["category"] for item in detections]
    assert counts["detections.label"].sum() == named.count("label")
    assert not [item for item in detections if "segmentation" in item]


def test_photos_whose_overlays_would_be_named_alike_keep_theirs(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new/a").mkdir(parents=True)
    for number, name in enumerate(("a/b.jpg", "a_b.jpg", "A_b.png")):
        draw_photo(number).save(tmp_path / "new" / name)
    overlays = score_folder(model, tmp_path / "new", tmp_path / "scored", ALL)[3]
    assert sorted(path.name.lower() for path in overlays.path.iterdir()) == ["a_b-2.jpg", "a_b-3.jpg", "a_b.jpg"]


def count_results(scored: Path) -> int:
    return len(list(scored.glob("*/??/*.json")))


def test_a_killed_scoring_goes_on(
    photos: Path, model: Path, tmp_path: Path, predicted: list[int], preloaded: PreloadedScripts
) -> None:
    scored = tmp_path / "scored"
    for number in range(10, 20):
        draw_photo(number).save(photos / f"more_{number}.png")
    command = preloaded.code(CHILD, str(model), str(photos), str(scored))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        patience = time.monotonic() + 60
        while count_results(scored) < 4 and time.monotonic() < patience:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.communicate()  # until the script that runs in its place has closed its output, and so ended
    done = count_results(scored)
    assert 4 <= done < 15
    resumed = score_folder(model, photos, scored, ALL)
    assert len(predicted) == 15 - done
    fresh = score_folder(model, photos, tmp_path / "fresh", ALL)
    # The killed process had another number of threads and other batches: the last digits differ.
    assert len(resumed[0]) == len(fresh[0])
    assert all(any(_are_alike(item, other) for other in fresh[0]) for item in resumed[0])
    pd.testing.assert_frame_equal(resumed[1], fresh[1], atol=0.01)


def _are_alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    same = (one["file_name"], one["category"]) == (other["file_name"], other["category"])
    near = np.allclose(one["bbox"], other["bbox"], atol=0.2)
    return same and near and abs(one["score"] - other["score"]) < 0.01


def test_what_is_logged_is_what_the_detector_itself_believes(photos: Path, tmp_path: Path) -> None:
    """As its reference has it: with another threshold every batch would be drift."""
    model = write_model(tmp_path / "model")
    scores = [item["score"] for item in score_folder(model, photos, tmp_path / "all", ALL.replace(overlays=False))[0]]
    description = json.loads((model / DESCRIPTION).read_text()) | {"score_threshold": float(np.median(scores))}
    (model / DESCRIPTION).write_text(json.dumps(description))
    measured, found = {}, {}
    for threshold in (0.0, 0.06, 0.99):
        scoring = ALL.replace(score_threshold=threshold, overlays=False)
        detections, counts, *_ = score_folder(model, photos, tmp_path / "scored", scoring)
        measured[threshold] = measure_scored_photos(model, photos, counts, detections, scoring)
        found[threshold] = len(detections)
    assert 0 < found[0.0] < found[0.06]
    assert measured[0.0]["detections"].sum() == found[0.0]
    pd.testing.assert_frame_equal(measured[0.06], measured[0.0])
    assert measured[0.99].empty
