"""A measure of ripples: the regular stripes and hatching that networks fall into, and that paintings have few of."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from triptych.video.training.structure import luma

_WINDOW_PX = 64
_RADII_PX = (2, 12)
_FLAT = 9.4e-5  # variance of luma below which nothing ripples


class RippleLoss:
    """How much more pictures ripple than a style.

    Args:
        style: (1, 3, H, W), 0 to 1, of at least 64 pixels either way.
    """

    def __init__(self, style: Tensor) -> None:
        self._own = torch.sort(measure_ripple(style)).values

    def __call__(self, painted: Tensor) -> Tensor:
        """Return the mean depth beyond the style's, quantile by quantile, of pictures (N, 3, H, W), 0 to 1."""
        depths = torch.sort(measure_ripple(painted)).values
        ranks = torch.linspace(0, len(self._own) - 1, len(depths), device=depths.device).round().long()
        return (depths - self._own[ranks]).clamp_min(0).mean()


def measure_ripple(pictures: Tensor) -> Tensor:
    """Measure how deep the autocorrelation of luma falls below 0 at 2 to 12 pixels, in windows of 64.

    Stripes have as deep a valley half a period away as their peak is high; strokes, whose sizes and directions vary,
    have none.

    Args:
        pictures: (N, 3, H, W), 0 to 1.

    Returns:
        A value for each window, 0 (none) to 1 (a perfect wave).
    """
    with torch.autocast(pictures.device.type, enabled=False):
        taper, near, shape = _prepare(pictures.device)
        windows = functional.unfold(luma(pictures.float()), _WINDOW_PX, stride=_WINDOW_PX // 2)
        windows = windows.transpose(1, 2).reshape(-1, _WINDOW_PX, _WINDOW_PX)
        means = (windows * taper).sum((1, 2), keepdim=True) / taper.sum()
        correlations = _correlate((windows - means) * taper)
        floor = _FLAT * (taper**2).sum()
        ratios = correlations[:, near] / (correlations[:, :1, 0] + floor) / shape
        return -ratios.amin(1).clamp_max(0)


@lru_cache(maxsize=8)
def _prepare(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Give what is the same for all pictures: the taper, which lags count, and what the taper alone has at them."""
    taper = torch.hann_window(_WINDOW_PX, periodic=False, device=device)
    taper = taper[:, None] * taper
    near, shape = _near(device), _correlate(taper[None])
    return taper, near, shape[:, near] / shape[:, :1, 0]


def _correlate(windows: Tensor) -> Tensor:
    size = (2 * _WINDOW_PX, 2 * _WINDOW_PX)
    spectrum = torch.fft.rfft2(windows, s=size)
    correlations: Tensor = torch.fft.irfft2(spectrum.real**2 + spectrum.imag**2, s=size)
    return correlations


def _near(device: torch.device) -> Tensor:
    steps = torch.fft.fftfreq(2 * _WINDOW_PX, device=device) * 2 * _WINDOW_PX
    radii = (steps[:, None] ** 2 + steps**2).sqrt()
    near: Tensor = (radii >= _RADII_PX[0]) & (radii <= _RADII_PX[1])
    return near
