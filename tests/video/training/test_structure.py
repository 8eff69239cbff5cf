"""Structure is what stays when contrast and colours change, and ripples are measured as SciPy correlates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from triptych.video.training.ripple import RippleLoss, measure_ripple
from triptych.video.training.structure import luma, structure_loss, tone_loss

correlate2d = pytest.importorskip("scipy.signal", reason="SciPy, which checks, is not installed").correlate2d


def draw_blobs(seed: int, count: int = 1, size: int = 96) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    small = torch.rand(count, 3, size // 12, size // 12, generator=random)
    return functional.interpolate(small, (size, size), mode="bicubic").clamp(0, 1)


def test_contrast_and_brightness_are_free() -> None:
    photo = draw_blobs(0)
    assert float(structure_loss(photo, photo)) < 0.15  # what is nearly flat counts a little
    assert float(structure_loss(0.7 * photo + 0.2, photo)) < 0.25
    assert float(structure_loss(draw_blobs(1), photo)) > 2
    assert float(structure_loss(1 - photo, photo)) > 5


def test_the_correlation_is_that_of_numpy() -> None:
    photo, painted = draw_blobs(0), draw_blobs(1)
    total = 0.0
    for level, weight in ((1, 0.6), (2, 1.2), (3, 1.2)):
        one, two = (functional.avg_pool2d(luma(x), 2**level)[0, 0].double().numpy() for x in (painted, photo))
        losses, weights = [], []
        for y in range(len(one) - 4):
            for x in range(len(one) - 4):
                a, b = one[y : y + 5, x : x + 5].ravel(), two[y : y + 5, x : x + 5].ravel()
                correlation = np.cov(a, b, bias=True)[0, 1] / math.sqrt((a.var() + 1e-4) * (b.var() + 1e-4))
                losses.append(1 - correlation)
                weights.append(b.std() / (b.std() + 0.03))
        total += weight * float(np.average(losses, weights=weights))
    assert float(structure_loss(painted, photo)) == pytest.approx(total, rel=0.01)


def test_tone_is_compared_by_means_alone() -> None:
    painted = torch.full((1, 3, 64, 64), 0.5)
    checks = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()[None, None]
    assert float(tone_loss(painted, checks)) == pytest.approx(0, abs=1e-6)
    assert float(tone_loss(painted, torch.full((1, 1, 64, 64), 0.2))) == pytest.approx(0.3, abs=1e-6)


def draw_wave(period: float, size: int = 64) -> Tensor:
    x = torch.arange(size).float()
    return (0.5 + 0.4 * torch.sin(2 * math.pi * x / period)).expand(1, 3, size, size).contiguous()


def test_ripple_is_the_valley_of_the_autocorrelation() -> None:
    picture = (draw_wave(9) + 0.2 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    values = luma(picture)[0, 0].double().numpy()
    taper = np.outer(np.hanning(64), np.hanning(64))
    window = (values - (values * taper).sum() / taper.sum()) * taper
    correlations, shape = correlate2d(window, window), correlate2d(taper, taper)
    y, x = np.mgrid[-63:64, -63:64]
    near = (np.hypot(x, y) >= 2) & (np.hypot(x, y) <= 12)
    floor = 9.4e-5 * (taper**2).sum()
    ratios = correlations[near] / (correlations[63, 63] + floor) / (shape[near] / shape[63, 63])
    assert float(measure_ripple(picture)[0]) == pytest.approx(-ratios.min(), rel=1e-3)


def test_stripes_ripple_and_noise_does_not() -> None:
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert float(measure_ripple(draw_wave(8))[0]) > 0.9
    assert float(measure_ripple(noise)[0]) < 0.25
    assert float(measure_ripple(torch.full((1, 3, 64, 64), 0.4))[0]) < 1e-6


def test_only_what_ripples_more_than_the_style_counts() -> None:
    waves, flat = draw_wave(8, 128), torch.full((1, 3, 128, 128), 0.5)
    assert float(RippleLoss(waves)(waves)) < 0.01
    assert float(RippleLoss(waves)(flat)) == 0
    assert float(RippleLoss(flat)(waves)) > 0.8
