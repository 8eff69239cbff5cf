"""The bundled style images are what the code paints, and the bundled styles load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triptych.samples.style_image import PAINTERS, paint_mosaic, paint_strokes, write_style_images
from triptych.video.network.transformer import load_style
from triptych.video.training.photos import read_picture

FOLDER = Path(__file__).parents[2] / "data" / "01_raw" / "video_style"


def test_painting_is_repeatable_and_seeded() -> None:
    first = paint_mosaic((96, 128))
    assert np.array_equal(first, paint_mosaic((96, 128)))
    assert not np.array_equal(first, paint_mosaic((96, 128), seed=9))
    assert paint_strokes((64, 80)).shape == (64, 80, 3)


def test_the_bundled_images_are_those_of_the_code(tmp_path: Path) -> None:
    write_style_images(tmp_path)
    for name in PAINTERS:
        bundled, painted = (read_picture(folder / f"{name}.jpg").astype(int) for folder in (FOLDER, tmp_path))
        assert np.abs(bundled - painted).mean() < 1, name
        assert (FOLDER / f"{name}.jpg").stat().st_size < 150_000


@pytest.mark.parametrize("name", PAINTERS)
def test_a_bundled_style_loads(name: str) -> None:
    path = FOLDER / "models" / f"{name}.pth"
    network = load_style(path)
    assert (network.width, network.blocks) == (16, 3)
    assert path.stat().st_size < 1_200_000
