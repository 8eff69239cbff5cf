"""Distances of distributions are SciPy's, and tell colours and patches apart, wherever they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from triptych.video.training.distributions import PaletteLoss, PatchLoss, sliced_distance

wasserstein_distance = pytest.importorskip(
    "scipy.stats", reason="SciPy, which checks, is not installed"
).wasserstein_distance


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 60), st.integers(1, 5), st.floats(-3, 3))
def test_along_each_direction_it_is_the_wasserstein_distance(seed: int, count: int, size: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(count, size)), rng.normal(size=(count, size)) * 2 + shift
    directions = rng.normal(size=(4, size))
    expected = np.mean([wasserstein_distance(one @ line, two @ line) for line in directions])
    measured = float(sliced_distance(*(torch.from_numpy(values) for values in (one, two, directions))))
    assert measured == pytest.approx(expected, abs=1e-9)


def draw_texture(seed: int, grain: int, shape: tuple[int, int] = (128, 160)) -> Tensor:
    """Draw noise of one grain, 0 to 1."""
    random = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, shape[0] // grain, shape[1] // grain, generator=random)
    return functional.interpolate(small, shape, mode="nearest")


def measure(loss: PatchLoss | PaletteLoss, picture: Tensor) -> float:
    torch.manual_seed(0)
    return float(np.mean([float(loss(picture)) for _ in range(6)]))


def test_patches_of_the_same_texture_are_nearer_than_those_of_another() -> None:
    loss = PatchLoss(draw_texture(0, 4))
    same = measure(loss, draw_texture(1, 4))
    assert measure(loss, draw_texture(1, 8)) > 1.5 * same
    assert measure(loss, torch.full((1, 3, 128, 128), 0.5)) > 3 * same
    assert measure(loss, draw_texture(1, 4) * 0.5) > 1.5 * same


def test_where_patches_are_does_not_count() -> None:
    style = draw_texture(0, 4)
    loss = PatchLoss(style)
    turned = torch.cat([style[..., 80:], style[..., :80]], 3)
    assert measure(loss, turned) < 0.4 * measure(loss, draw_texture(0, 8))


def test_colours_count_and_not_their_places() -> None:
    style = draw_texture(0, 8)
    loss = PaletteLoss(style)
    same = measure(loss, style.flip(3))
    assert measure(loss, style.mean(1, keepdim=True).expand_as(style)) > 4 * same
    assert measure(loss, (style + 0.2).clamp(0, 1)) > 4 * same


@pytest.mark.parametrize(
    "picture", [torch.full((1, 3, 96, 96), 0.3), torch.rand(1, 3, 96, 12), torch.rand(1, 3, 12, 90)]
)
def test_a_style_that_is_flat_or_narrow_can_be_compared(picture: Tensor) -> None:
    painted = torch.rand(2, 3, 64, 64, requires_grad=True)
    loss = PatchLoss(picture)(painted) + PaletteLoss(picture)(painted)
    loss.backward()  # type: ignore[no-untyped-call]
    assert painted.grad is not None
    assert torch.isfinite(painted.grad).all()
