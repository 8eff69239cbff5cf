"""Training lowers the losses, is repeatable, ends in time, and gives what the loader reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from triptych.video.network.transformer import load_style
from triptych.video.params import StyleTrainingParams
from triptych.video.training.training import one_cycle, train_from_files, train_style

Picture = NDArray[np.uint8]
PARAMS = StyleTrainingParams(width=4, blocks=1, steps=24, batch_size=1, crop_px=64, style_px=96)


@pytest.fixture
def style() -> Picture:
    rng = np.random.default_rng(1)
    return rng.integers(0, 255, (8, 10, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)


@pytest.fixture
def photos() -> list[Picture]:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 90).astype(np.uint8)[:, None, None]
    return [rng.integers(0, 55, (90, 70, 3), dtype=np.uint8) + ramp, np.full((40, 50, 3), 99, np.uint8)]


def test_the_losses_fall(device: str, style: Picture, photos: list[Picture]) -> None:
    params = PARAMS.replace(steps=40, batch_size=2, learning_rate=1e-2)
    state, log = train_style(style, photos[:1], params)
    for name, share in (("structure", 0.5), ("palette", 0.95), ("patches", 0.95)):
        assert log[name].iloc[-8:].mean() < share * log[name].iloc[:4].mean(), name
    assert list(log["step"]) == list(range(1, 41))
    assert np.isfinite(log.to_numpy()).all()
    assert state["conv1.conv2d.weight"].shape == (4, 3, 9, 9)


KERNEL = "conv2.conv2d.weight"


def test_the_same_seed_gives_the_same_weights_and_leaves_torch_as_it_was(style: Picture, photos: list[Picture]) -> None:
    params = PARAMS.replace(steps=3)
    before = torch.get_rng_state()
    first, second = (train_style(style, photos, params)[0] for _ in range(2))
    other = train_style(style, photos, params.replace(seed=1))[0]
    assert torch.equal(torch.get_rng_state(), before)
    # Sums over threads may differ in their last digits, and the optimiser enlarges that.
    again, apart = (float((first[KERNEL] - weights[KERNEL]).abs().mean()) for weights in (second, other))
    assert again < 0.02 * apart


def test_training_ends_in_time(style: Picture, photos: list[Picture]) -> None:
    _, log = train_style(style, photos, PARAMS.replace(steps=100_000, time_limit_s=0.5))
    assert 0.5 <= log["seconds"].iloc[-1] < 20
    assert log["learning_rate"].iloc[-1] < 0.1 * PARAMS.learning_rate


def test_no_photos_are_refused(style: Picture) -> None:
    with pytest.raises(ValueError, match="no photos"):
        train_style(style, [], PARAMS)


def test_a_loss_that_is_not_finite_stops(style: Picture, photos: list[Picture]) -> None:
    with pytest.raises(FloatingPointError, match="learning_rate"):
        train_style(style, photos, PARAMS.replace(learning_rate=1e30))


def test_files_in_checkpoint_log_and_preview_out(tmp_path: Path, style: Picture, photos: list[Picture]) -> None:
    Image.fromarray(style).save(tmp_path / "style.png")
    (tmp_path / "photos").mkdir()
    Image.fromarray(photos[0]).save(tmp_path / "photos" / "ramp.png")
    (tmp_path / "photos" / "broken.jpg").write_text("no picture")
    params = PARAMS.replace(steps=2)
    trained = train_from_files(tmp_path / "style.png", tmp_path / "photos", params)
    torch.save(trained.state, tmp_path / "new.pth")
    assert load_style(tmp_path / "new.pth").width == 4
    assert len(trained.log) == 2
    assert set(trained.figures) == {"patch_distance", "structure", "ripple", "ripple_of_style"}
    assert trained.preview.dtype == np.uint8
    assert trained.preview.shape[0] > 600
    assert trained.preview.std() > 10


@given(st.floats(0, 1))
def test_the_learning_rate_rises_then_falls(progress: float) -> None:
    assert 0 < one_cycle(progress) <= 1
    assert one_cycle(0.05) == pytest.approx(1)
    assert one_cycle(1) < 0.02
