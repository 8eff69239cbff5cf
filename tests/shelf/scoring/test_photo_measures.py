"""Photos are measured as their definitions say, in whatever format and size they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.shelf.tiny import draw_photo
from triptych.shelf.data.photo_files import Size
from triptych.shelf.scoring.photo_measures import MEASURES, Found, measure_photos, measure_pixels

MOST = 100_000_000


def measure(picture: Image.Image, scores: tuple[float, ...] = ()) -> dict[str, float | None]:
    return measure_pixels(np.asarray(picture.convert("RGB")), Size(*picture.size), scores)


@pytest.fixture
def picture() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((800, 600), Image.Resampling.BICUBIC)


def test_brightness_is_the_mean_luma(picture: Image.Image) -> None:
    luma = np.asarray(picture.convert("L"), dtype=np.float64).mean() / 255
    assert measure(picture)["brightness"] == pytest.approx(luma, abs=0.005)
    dark = picture.point(lambda value: value / 2)
    assert measure(dark)["brightness"] == pytest.approx(luma / 2, abs=0.005)


def test_sharpness_falls_with_blur_and_hardly_with_light_and_size(picture: Image.Image) -> None:
    sharp = measure(picture)["sharpness"]
    assert sharp is not None
    blurred = measure(picture.filter(ImageFilter.GaussianBlur(3)))["sharpness"]
    assert blurred is not None
    assert blurred < sharp - 0.5
    assert measure(picture.point(lambda value: value / 2))["sharpness"] == pytest.approx(sharp, abs=0.05)
    assert measure(picture.resize((1600, 1200), Image.Resampling.BICUBIC))["sharpness"] == pytest.approx(sharp, abs=0.2)


def test_counts_sizes_and_scores(picture: Image.Image) -> None:
    found = measure(picture, (0.5, 0.9))
    assert (found["megapixels"], found["detections"]) == (0.48, 2)
    assert found["score"] == pytest.approx(0.7)
    assert measure(picture)["score"] is None
    assert measure(Image.new("RGB", (1, 5000)))["sharpness"] == -9


def test_a_photo_that_cannot_be_read_loses_no_other(tmp_path: Path) -> None:
    draw_photo(1).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    names = ("bad.jpg", "good.png", "missing.png")
    table = measure_photos([Found(tmp_path / name, [0.5]) for name in names], MOST)
    assert list(table.columns) == list(MEASURES)
    assert len(table) == 1
    assert measure_photos([], MOST).empty
