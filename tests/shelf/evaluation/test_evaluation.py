"""The test photos are judged, once, and the worst of them shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.shelf.tiny import write_data, write_model
from triptych.shelf.data.dataset import select_role
from triptych.shelf.evaluation.coco_metrics import evaluate_detections
from triptych.shelf.evaluation.detections import match_categories
from triptych.shelf.evaluation.evaluation import evaluate_on_test, name_file, rank_worst
from triptych.shelf.model import prediction
from triptych.shelf.params import EvaluationParams

REPORT: dict[str, Any] = {
    "images_per_s": 3.5,
    "seconds": 9.0,
    "epochs": 2,
    "validation": {"box.map_50": 0.25},
    "precision": "bf16",
}


@pytest.fixture
def data(tmp_path: Path) -> Any:
    return write_data(tmp_path / "photos", 9)


def judge(data: Any, model: Path, evaluation: EvaluationParams) -> Any:
    photos, annotations, roles = data
    return evaluate_on_test(photos, annotations, roles, model, REPORT, evaluation)


def test_a_random_detector_is_judged_on_the_test_photos_alone(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = prediction.prepare_photo

    def watch(path: Path, image_id: int, *rest: Any) -> Any:
        read.append(image_id)
        return plain(path, image_id, *rest)

    monkeypatch.setattr(prediction, "prepare_photo", watch)
    model = write_model(tmp_path / "model")
    results, metrics, counts, curves, overlays, sheet = judge(data, model, EvaluationParams(batch_size=2, overlays=2))
    assert sorted(read) == [7, 8, 9]
    assert {item["image_id"] for item in results} == {7, 8, 9}
    truth = select_role(data[1], data[2], "test")
    expected = {f"test.{name}": value for name, value in evaluate_detections(truth, results, masks=True).items()}
    assert expected.items() <= metrics.items()
    assert {"test.mask.map_50", "test.count_error", "test.f1", "test.precision", "test.recall"} <= metrics.keys()
    assert (metrics["test.photos"], metrics["test.objects"], metrics["test.score_threshold"]) == (3, 2, 0.1)
    assert (metrics["train.epochs"], metrics["train.images_per_s"], metrics["train.seconds"]) == (2, 3.5, 9.0)
    assert metrics["validation.box.map_50"] == 0.25
    assert "validation.box.map_small" not in metrics
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert counts["file_name"].tolist() == ["photo_07.png", "photo_08.png", "photo_09.png"]
    assert curves.groupby(["kind", "iou"]).ngroups == 4
    files = sorted(overlays.path.iterdir())
    assert [path.name for path in files] == [
        f"{place:03}_photo_{photo:02}.png" for place, photo in enumerate(rank_worst(counts)[:2], start=1)
    ]
    with Image.open(files[0]) as image:
        assert image.width == 1024
    assert sheet.shape[1] == 2 * 640 + 3 * 16


def test_boxes_alone_are_judged_as_boxes(data: Any, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", masks=False)
    _, metrics, _, curves, _, _ = judge(data, model, EvaluationParams())
    assert "test.box.map" in metrics
    assert not [name for name in metrics if ".mask." in name]
    assert curves.groupby(["kind", "iou"]).ngroups == 2


def test_a_detector_of_other_things_is_refused(data: Any, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", categories=("label",))
    with pytest.raises(ValueError, match=r"the detector finds \['label'\], the annotations are of \['gap'\]"):
        judge(data, model, EvaluationParams())


def test_categories_are_matched_by_name() -> None:
    data = [{"id": 1, "name": "gap"}, {"id": 2, "name": "label"}]
    assert match_categories(["label", "gap"], data) == {1: 2, 2: 1}


def test_most_mistakes_come_first() -> None:
    table = [(1, "a", 1, 0, 0), (2, "b", 3, 1, 1), (3, "c", 1, 0, 1), (4, "d", 2, 0, 1), (5, "e", 2, 1, 0)]
    counts = pd.DataFrame(table, columns=["image_id", "file_name", "objects", "false", "missed"])
    assert rank_worst(counts) == [2, 4, 5, 3, 1]


@pytest.mark.parametrize(
    ("name", "expected"), [("a b/ü.c.jpg", "a_b_ü.c"), ("../x.png", "_x"), ("x", "x"), (".jpg", "jpg")]
)
def test_names_of_files_are_safe(name: str, expected: str) -> None:
    assert name_file(name) == expected
