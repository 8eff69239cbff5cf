"""Pictures come back pixel by pixel and are previewed small."""

from __future__ import annotations

import base64
import inspect
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from triptych.datasets import PictureDataset


@pytest.fixture
def pixels() -> Any:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_pixels_come_back(pixels: Any, tmp_path: Path) -> None:
    dataset = PictureDataset(filepath=tmp_path / "to" / "sheet.png")
    assert not dataset.exists()
    dataset.save(pixels)
    assert dataset.exists()
    assert np.array_equal(dataset.load(), pixels)
    assert dataset.load().flags.writeable


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_refused(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="must be uint8 of shape"):
        PictureDataset(filepath=tmp_path / "sheet.png").save(bad)
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_breaks_leaves_what_was_there(pixels: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = PictureDataset(filepath=tmp_path / "sheet.png")
    dataset.save(pixels)

    def fail(image: Image.Image, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", fail)
        with pytest.raises(DatasetError, match="disk full"):
            dataset.save(255 - pixels)
    assert np.array_equal(dataset.load(), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def decode_preview(dataset: PictureDataset) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(dataset.preview())))


def test_the_preview_is_the_picture_where_it_is_small(pixels: Any, tmp_path: Path) -> None:
    dataset = PictureDataset(filepath=tmp_path / "sheet.png")
    dataset.save(pixels)
    assert np.array_equal(np.asarray(decode_preview(dataset)), pixels)


def test_the_preview_of_a_large_picture_is_scaled_down(tmp_path: Path) -> None:
    dataset = PictureDataset(filepath=tmp_path / "sheet.png")
    dataset.save(np.zeros((1000, 4000, 3), np.uint8))
    assert decode_preview(dataset).size == (1600, 400)


def test_kedro_viz_knows_the_kind_of_preview() -> None:
    assert inspect.signature(PictureDataset.preview).return_annotation == "ImagePreview"
