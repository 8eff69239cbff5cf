"""Steps are shown crops of photos, of the style, and a photo that has moved."""

from __future__ import annotations

from itertools import cycle, repeat

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from triptych.video.params import StyleTrainingParams
from triptych.video.training.consistency import Movement
from triptych.video.training.crops import CropMaker, draw_noise, draw_style, match_histogram

Picture = NDArray[np.uint8]
PARAMS = StyleTrainingParams(width=4, blocks=1, steps=4, batch_size=1, crop_px=64, style_px=96)
GREY: Picture = np.full((90, 70, 3), 120, np.uint8)


def ramp(height: int, width: int) -> Picture:
    row = np.linspace(0, 255, width).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def test_crops_are_of_one_size_from_photos_of_any() -> None:
    photos = [ramp(90, 70), np.full((40, 50, 3), 99, np.uint8), np.full((10, 200, 3), 50, np.uint8)]
    crops = CropMaker(cycle(photos), 3, GREY, PARAMS.replace(batch_size=3))
    for _ in range(20):
        batch = crops.draw()
        assert batch.seen.shape == batch.photo.shape == (4, 3, 64, 64)
        assert batch.kept_luma.shape == (4, 1, 64, 64)
        assert -1e-5 <= float(batch.photo.min()) <= float(batch.photo.max()) <= 1 + 1e-5


def test_the_last_is_the_first_that_has_moved_with_other_noise() -> None:
    crops = CropMaker(repeat(ramp(120, 120)), 1, GREY, PARAMS.replace(batch_size=2))
    for _ in range(5):
        batch = crops.draw()
        assert float(batch.movement.compare(batch.photo[:1], batch.photo[-1:])) < 1e-5
        assert float(batch.movement.compare(batch.seen[:1], batch.seen[-1:])) > 1e-3


def test_no_more_photos_are_held_than_are_needed_and_all_are_seen() -> None:
    levels = iter(range(1000))
    photos = (np.full((70, 70, 3), next(levels) % 250, np.uint8) for _ in range(1000))
    crops = CropMaker(photos, 500, GREY, PARAMS.replace(batch_size=4, input_noise=0))
    seen = {round(float(level) * 255) for _ in range(60) for level in crops.draw().photo[:, 0, 0, 0]}
    assert len(seen) > 60
    assert 100 < next(levels) < 250  # 32 and one for each two crops


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.2, 3))
def test_matched_luma_is_spread_as_the_target_and_keeps_its_order(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    luma = rng.random((40, 50), dtype=np.float32)
    target = rng.random((60, 30), dtype=np.float32) ** power
    matched = match_histogram(luma, target)
    quantiles = np.linspace(0.05, 0.95, 10)
    assert np.allclose(np.quantile(matched, quantiles), np.quantile(target, quantiles), atol=0.03)
    assert (np.diff(matched.ravel()[np.argsort(luma.ravel())]) >= -1e-6).all()


@pytest.mark.parametrize("shape", [(100, 130), (64, 300), (40, 50)])
def test_crops_of_the_style_keep_its_colours(shape: tuple[int, int]) -> None:
    style = torch.rand(1, 3, 1, 1).expand(1, 3, *shape)
    crops = draw_style(style, 5, 64, np.random.default_rng(0))
    assert crops.shape == (5, 3, 64, 64)
    assert torch.allclose(crops, style[:, :, :1, :1].expand_as(crops), atol=1e-5)


def test_noise_is_of_unit_strength_and_partly_coarse() -> None:
    torch.manual_seed(0)
    noise = draw_noise(torch.Size((4, 3, 96, 96)))
    assert float(noise.std()) == pytest.approx(1, abs=0.15)
    neighbours = float((noise[..., 1:] * noise[..., :-1]).mean())
    assert 0.2 < neighbours < 0.6


def test_a_painter_that_follows_movement_does_not_flicker_and_one_that_sticks_to_the_screen_does() -> None:
    movement = Movement(np.random.default_rng(3), 96)
    x = torch.arange(96).float()
    photo = torch.sin(x / 9).mul(torch.cos(x[:, None] / 7)).expand(1, 3, 96, 96)
    moved = movement.apply(photo)
    screen = torch.rand(1, 3, 96, 96)
    assert float(movement.compare(1 - photo, 1 - moved)) < 1e-5
    assert float(movement.compare(photo + screen, moved + screen)) > 0.1
