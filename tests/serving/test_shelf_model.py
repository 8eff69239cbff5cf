"""The detector as an MLflow model: what it holds, takes, gives and refuses."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.serving.conftest import REFERENCE
from tests.shelf.tiny import draw_photo, write_model
from triptych.drift.versions import MODEL
from triptych.serving import shelf_model
from triptych.serving.shelf_export import save_shelf_model
from triptych.serving.shelf_model import COLUMNS
from triptych.serving.source_copy import UNPINNED
from triptych.shelf.data.dataset import decode_mask
from triptych.shelf.model.files import load_model, number_detector
from triptych.shelf.model.prediction import Photo, predict_photos
from triptych.shelf.scoring.photo_measures import MEASURES

LOW = {"score_threshold": 0.06}


def encode(photo: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    photo.save(file, format=kind)
    return file.getvalue()


def to_text(photo: Image.Image) -> str:
    return base64.b64encode(encode(photo)).decode()


@pytest.fixture
def model(shelf_folder: Path, restored: None) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(shelf_folder))


def test_what_is_asked_is_measured_with_the_number_that_its_reference_has(model: Any, detector_folder: Path) -> None:
    asked = pd.DataFrame({"image": [encode(draw_photo(1))]})
    (row,) = model.unwrap_python_model().measure(asked, model.predict(asked), None)
    assert list(row) == [*MEASURES, MODEL]
    assert row[MODEL] == number_detector(detector_folder)


def test_it_holds_plain_files_its_source_and_what_it_needs(shelf_folder: Path) -> None:
    found = [path for path in shelf_folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_size for path in found)  # an empty upload is refused by some servers
    files = {path.relative_to(shelf_folder).as_posix() for path in found}
    assert {"MLmodel", "artifacts/detector/weights.pt", "code/triptych/shelf/model/prediction.py"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pyc"))]
    requirements = [Requirement(line) for line in (shelf_folder / "requirements.txt").read_text().splitlines()]
    assert {"mlflow", "pillow", "torch", "torchvision"} <= {requirement.name for requirement in requirements}
    unpinned = {Requirement(line) for line in UNPINNED}
    assert unpinned <= set(requirements)
    for requirement in requirements:
        if requirement not in unpinned:
            assert str(requirement.specifier) == f"=={version(requirement.name).partition('+')[0]}"
    example = json.loads((shelf_folder / "serving_input_example.json").read_text())
    assert example["dataframe_split"]["data"] == [[to_text(draw_photo(1))]]


def test_a_threshold_that_is_null_was_not_given(model: Any) -> None:
    photo = pd.DataFrame({"image": [to_text(draw_photo(1))]})
    pd.testing.assert_frame_equal(model.predict(photo, params={"score_threshold": None}), model.predict(photo))


def test_it_finds_what_the_detector_finds(model: Any, detector_folder: Path) -> None:
    photos = [draw_photo(1), draw_photo(2, (120, 50)), draw_photo(3)]
    found = model.predict(pd.DataFrame({"image": [to_text(photo) for photo in photos]}), params=LOW)
    assert found.dtypes.astype(str).to_dict() == COLUMNS
    expected = predict_photos(
        load_model(detector_folder), ((i, np.asarray(photo)) for i, photo in enumerate(photos)), 4
    )
    for index, items in enumerate(expected):
        rows = found[found["photo"] == index]
        kept = [item for item in items if item["score"] >= 0.06]
        assert len(rows) == len(kept) > 0
        assert rows["score"].is_monotonic_decreasing
        assert rows[["score", "x", "y", "width", "height"]].to_numpy().tolist() == [
            [item["score"], *item["bbox"]] for item in kept
        ]
        width, height = photos[index].size
        assert decode_mask(json.loads(rows["mask"].iloc[0]), height, width).shape == (height, width)
    assert set(found["category"]) == {"gap"}


def test_bytes_text_and_urls_are_the_same_photo(model: Any) -> None:
    photo = draw_photo(4)
    text = to_text(photo)
    folded = "\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    table = pd.DataFrame({"image": [encode(photo), text, f"data:image/png;base64,{text}", folded]})
    found = model.predict(table, params=LOW)
    alike = [rows.drop(columns="photo").to_numpy().tolist() for _, rows in found.groupby("photo")]
    assert len(alike) == 4
    assert all(rows == alike[0] for rows in alike)


def test_by_default_what_is_believed_is_what_the_validation_chose(model: Any, detector_folder: Path) -> None:
    table = pd.DataFrame({"image": [to_text(draw_photo(number)) for number in range(4)]})
    every = model.predict(table, params=LOW)
    threshold = load_model(detector_folder).score_threshold
    pd.testing.assert_frame_equal(model.predict(table), every[every["score"] >= threshold].reset_index(drop=True))


def test_its_signature_describes_what_it_gives(model: Any) -> None:
    outputs = model.metadata.signature.outputs
    kinds = {"long": "int64", "double": "float64", "string": "object"}
    assert {
        name: kinds[kind.name] for name, kind in zip(outputs.input_names(), outputs.input_types(), strict=True)
    } == COLUMNS


def test_photos_without_anything_give_an_empty_table(model: Any) -> None:
    found = model.predict(pd.DataFrame({"image": [to_text(draw_photo(1))]}), params={"score_threshold": 0.999})
    assert found.empty
    assert found.dtypes.astype(str).to_dict() == COLUMNS


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["no photo!"], "image 0: no base64 text"),
        (["/9j"], "image 0: no base64 text"),
        ([""], "image 0: empty file"),
        ([base64.b64encode(b"text").decode()], "image 0: no photo in a format that is read"),
        ([to_text(draw_photo(1)), base64.b64encode(encode(draw_photo(2))[:900]).decode()], "image 1: damaged"),
        ([None], "image 0: neither base64 text nor bytes but NoneType"),
        ([5], "image 0: neither base64 text nor bytes but int"),
        ([], "1 to 64 photos can be asked for at once, got 0"),
        (["x"] * 65, "1 to 64 photos can be asked for at once, got 65"),
    ],
)
def test_wrong_photos_are_refused(model: Any, images: list[Any], message: str) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match=message) as caught:
        model.predict(pd.DataFrame({"image": pd.Series(images, dtype=object)}))
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_too_much_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowException

    photo = pd.DataFrame({"image": [to_text(draw_photo(1))]})
    inner = model.unwrap_python_model()
    monkeypatch.setattr(shelf_model, "MOST_BYTES", 1000)
    for table in (photo, pd.DataFrame({"image": [encode(draw_photo(1))]})):
        with pytest.raises(MlflowException, match="image 0: 1[0-9]* bytes, more than 1000"):
            shelf_model.ShelfModel.predict(inner, None, table)
    monkeypatch.undo()
    monkeypatch.setattr(shelf_model, "MOST_PIXELS", 1000)
    with pytest.raises(MlflowException, match="image 0: 96 x 64 are 6144 pixels"):
        shelf_model.ShelfModel.predict(inner, None, photo)


def draw_bomb() -> bytes:
    """Draw a photo of one bit a pixel: 6 kB that unpack to 150 MB."""
    return encode(Image.new("1", (7000, 7000)))


def test_bombs_are_refused_before_they_are_unpacked(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowException

    def unpack(*_: Any) -> None:
        raise AssertionError("unpacked")

    bombs = pd.DataFrame({"image": [draw_bomb()] * 64})
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", unpack)
    with pytest.raises(
        MlflowException, match="the first 5 photos have 245000000 pixels, more than 200000000 a request"
    ):
        model.predict(bombs)


def test_photos_are_not_held_in_full_size(model: Any) -> None:
    tracemalloc.start()
    try:
        model.predict(pd.DataFrame({"image": [encode(Image.new("L", (2000, 2000)))] * 8}))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 3 * 2000 * 2000 * 3  # of eight, NumPy's share of one and a copy


def test_all_files_together_are_limited(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowException

    inner = model.unwrap_python_model()
    monkeypatch.setattr(shelf_model, "MOST_BYTES_IN_ALL", 40_000)
    with pytest.raises(MlflowException, match="the first 3 photos have [45][0-9]* bytes, more than 40000 a request"):
        shelf_model.ShelfModel.predict(inner, None, pd.DataFrame({"image": [encode(draw_photo(1))] * 4}))


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_wrong_threshold_is_refused(model: Any, threshold: float) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match="score_threshold must be in"):
        model.predict(pd.DataFrame({"image": [to_text(draw_photo(1))]}), params={"score_threshold": threshold})


def test_a_missing_column_is_refused(model: Any) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match="image"):
        model.predict(pd.DataFrame({"photo": [to_text(draw_photo(1))]}))


def test_boxes_alone_have_no_mask(tmp_path: Path, restored: None) -> None:
    import mlflow

    draw_photo(1).save(tmp_path / "example.png")
    detector = write_model(tmp_path / "boxes", masks=False)
    save_shelf_model(detector, tmp_path / "example.png", tmp_path / "model", REFERENCE)
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(
        pd.DataFrame({"image": [to_text(draw_photo(1))]}), params=LOW
    )
    assert len(found) > 0
    assert set(found["mask"]) == {""}


@pytest.mark.parametrize(("sides", "expected"), [([(64, 96)], 8), ([(64, 96), (512, 512)], 4), ([(300, 480)], 6)])
def test_more_small_photos_go_together_than_large_ones(sides: list[tuple[int, int]], expected: int) -> None:
    photos = [Photo(0, np.zeros((*size, 3), np.uint8), size, size) for size in sides]
    assert shelf_model._choose_batch(photos) == expected
