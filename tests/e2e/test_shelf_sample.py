"""The shelf workload from the bundled photos to a registered detector and scored photos, at test size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.shared_runs import copy_few_photos

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "01_raw" / "shelf"
NEW = ROOT / "data" / "01_raw" / "shelf_new"
RunProject = Callable[..., Path]
FILES = [
    "02_intermediate/shelf/photos/images",
    "03_primary/shelf/annotations.json",
    "05_model_input/shelf/roles.csv",
    "06_models/shelf/model/weights.pt",
    "06_models/shelf/model/model.json",
    "07_model_output/shelf/detections.json",
    "07_model_output/shelf/new_detections.json",
    "07_model_output/shelf/new_counts.csv",
    "08_reporting/shelf/data_report.json",
    "08_reporting/shelf/split_report.json",
    "08_reporting/shelf/training_batch.png",
    "08_reporting/shelf/training_log.csv",
    "06_models/shelf/training_report.json",
    "08_reporting/shelf/training.plotly.json",
    "08_reporting/shelf/metrics.json",
    "08_reporting/shelf/counts.csv",
    "08_reporting/shelf/precision_recall.plotly.json",
    "08_reporting/shelf/overlays",
    "08_reporting/shelf/overlays.png",
    "08_reporting/shelf/registration.json",
]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_metrics(data_root: Path) -> dict[str, float]:
    metrics: dict[str, float] = read_json(data_root / "08_reporting/shelf/metrics.json")
    return metrics


def test_every_file_is_there_and_nothing_half_written(shelf_run: Path) -> None:
    for file in FILES:
        assert (shelf_run / file).exists(), file
    assert not [path for path in shelf_run.rglob("*") if path.name.endswith(".part")]


def test_metrics_have_stable_names_and_sane_values(shelf_run: Path) -> None:
    metrics = read_metrics(shelf_run)
    for kind in ("box", "mask"):
        for name in ("map", "map_50", "map_75"):
            assert 0 <= metrics[f"test.{kind}.{name}"] <= 1
        assert metrics[f"test.{kind}.map"] <= metrics[f"test.{kind}.map_50"]
    assert metrics["train.epochs"] == 2
    assert metrics["train.images_per_s"] > 0
    assert metrics["train.seconds"] > 0
    assert metrics["test.count_error"] >= 0


def test_the_detections_are_of_the_test_photos_only(shelf_run: Path) -> None:
    roles = pd.read_csv(shelf_run / "05_model_input/shelf/roles.csv")
    tested = set(roles.loc[roles["role"] == "test", "image_id"])
    detections = read_json(shelf_run / "07_model_output/shelf/detections.json")
    assert {detection["image_id"] for detection in detections} <= tested
    counts = pd.read_csv(shelf_run / "08_reporting/shelf/counts.csv")
    assert len(counts) == len(tested) == read_metrics(shelf_run)["test.photos"]


def test_every_photo_of_the_sample_has_a_role(shelf_run: Path) -> None:
    roles = pd.read_csv(shelf_run / "05_model_input/shelf/roles.csv")
    assert set(roles["file_name"]) == {path.name for path in (SAMPLE / "JPEGImages").iterdir()}
    assert roles["file_name"].is_unique
    assert set(roles["role"]) == {"train", "validation", "test"}
    assert roles.groupby("group")["role"].nunique().max() == 1
    quarantine = (shelf_run / "08_reporting/shelf/quarantine.csv").read_text()
    assert len(quarantine.splitlines()) <= 1, quarantine


def test_the_loss_falls(shelf_run: Path) -> None:
    log = pd.read_csv(shelf_run / "08_reporting/shelf/training_log.csv")
    assert log["epoch"].tolist() == [1, 2]
    assert log["loss"].iloc[1] < log["loss"].iloc[0]
    assert log["validation_loss"].notna().all()


def test_the_first_model_is_registered_and_promoted(shelf_run: Path) -> None:
    record = read_json(shelf_run / "08_reporting/shelf/registration.json")
    assert (record["name"], record["version"], record["promoted"]) == ("shelf-detector", 1, True)


def test_the_pictures_of_the_report_are_pictures(shelf_run: Path) -> None:
    sheet = cv2.imread(str(shelf_run / "08_reporting/shelf/overlays.png"))
    assert sheet is not None
    assert sheet.std() > 10
    overlays = list((shelf_run / "08_reporting/shelf/overlays").iterdir())
    assert len(overlays) == 4


def test_every_new_photo_is_scored(shelf_run: Path) -> None:
    counts = pd.read_csv(shelf_run / "07_model_output/shelf/new_counts.csv")
    assert len(counts) == len(list(NEW.glob("*.jpg")))
    assert (shelf_run / "07_model_output/shelf/new_overlays").is_dir()


def test_boxes_alone_train_a_detector_without_masks(run_project: RunProject, tmp_path: Path) -> None:
    params = {
        "shelf_raw": str(copy_few_photos(tmp_path / "raw")),
        "shelf": {"ingest": {"annotations": "voc"}, "training": {"epochs": 1}},
    }
    metrics = read_metrics(run_project("shelf", env="test", params=params))
    assert "test.box.map" in metrics
    assert not [name for name in metrics if ".mask." in name]


def test_bad_photos_do_not_stop_the_good_ones(run_project: RunProject, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(SAMPLE, raw)
    photos = sorted((raw / "JPEGImages").iterdir())
    photos[0].write_bytes(b"")
    photos[1].write_bytes(photos[1].read_bytes()[:3000])
    photos[2].write_text("this is no photo")
    (raw / "Annotations" / f"{photos[3].stem}.xml").write_text("<annotation><object>")
    params = {"shelf_raw": str(raw), "shelf": {"training": {"epochs": 1}}}
    data_root = run_project("shelf", env="test", params=params, to_nodes=["shelf.split_photos"])
    quarantine = pd.read_csv(data_root / "08_reporting/shelf/quarantine.csv")
    for photo in photos[:4]:
        assert quarantine["file"].str.contains(photo.stem, regex=False).any(), photo
    roles = pd.read_csv(data_root / "05_model_input/shelf/roles.csv")
    assert len(roles) == len(photos) - 3
    assert read_json(data_root / "08_reporting/shelf/data_report.json")


def test_bad_new_photos_are_rejected_and_the_others_scored(
    shelf_run: Path, run_project: RunProject, tmp_path: Path
) -> None:
    shutil.copytree(shelf_run / "06_models/shelf/model", tmp_path / "data/06_models/shelf/model")
    new = tmp_path / "new photos [1]"
    new.mkdir()
    rng = np.random.default_rng(0)
    assert cv2.imwrite(str(new / "grey.png"), rng.integers(0, 255, (90, 140), dtype=np.uint8))
    shutil.copy(next(NEW.glob("*.jpg")), new / "good one.jpg")
    (new / "empty.jpg").write_bytes(b"")
    data_root = run_project("shelf_score", env="test", params={"shelf_photos": str(new)})
    counts = pd.read_csv(data_root / "07_model_output/shelf/new_counts.csv")
    assert set(counts["file_name"]) == {"grey.png", "good one.jpg"}
    rejected = pd.read_csv(data_root / "07_model_output/shelf/rejected_photos.csv")
    assert len(rejected) == 1
    assert "empty.jpg" in rejected.iloc[0].to_string()


def test_a_folder_without_photos_is_a_clear_error(run_project: RunProject, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(ValueError, match=r"raw"):
        run_project("shelf", env="test", params={"shelf_raw": str(tmp_path / "raw")})


def test_the_command_line_trains_on_two_ranks(shelf_on_two_ranks: Path, few_photos_run: Path) -> None:
    """Two gloo ranks run the training node under torchrun; one of them does the rest, and saves."""
    assert read_json(shelf_on_two_ranks / "06_models/shelf/training_report.json")["ranks"] == 2
    alone, together = (
        pd.read_csv(root / "08_reporting/shelf/training_log.csv") for root in (few_photos_run, shelf_on_two_ranks)
    )
    # The same global batches: what differs is rounding, which training enlarges.
    assert together["loss"].iloc[0] == pytest.approx(alone["loss"].iloc[0], rel=0.05)
