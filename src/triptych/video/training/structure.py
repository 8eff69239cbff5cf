"""What a painted picture keeps of its photo: where things are and where it is light, not their colours."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B (ITU-R BT.601)."""
LEVEL_WEIGHTS = (0.0, 0.6, 1.2, 1.2)
"""Of the photo, its half, quarter and eighth: the finest detail is left to the style."""
_WINDOW_PX = 5
_NOISE = 1e-4  # variance below which nothing is there to be kept
_FAINT = 0.03  # deviation at which a place counts half
_TONE_PX = 16


def luma(pictures: Tensor) -> Tensor:
    """Return the luma (N, 1, H, W) of RGB pictures (N, 3, H, W)."""
    return (pictures * pictures.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def structure_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Compare what is drawn, whatever its contrast: one minus the local correlation of luma.

    Args:
        painted: (N, 3, H, W), 0 to 1.
        photo: The same places before.

    Returns:
        Mean over windows of 5x5 pixels, in which the photo's contrast weighs, summed over four sizes by their weights;
        0 where all is drawn as in the photo.
    """
    one, two = luma(painted.float()), luma(photo.float())
    loss = one.new_zeros(())
    for number, weight in enumerate(LEVEL_WEIGHTS):
        if number:
            one, two = functional.avg_pool2d(one, 2), functional.avg_pool2d(two, 2)
        if weight:
            loss = loss + weight * _compare(one, two)
    return loss


def tone_loss(painted: Tensor, kept_luma: Tensor) -> Tensor:
    """Compare means of 16x16 pixels of luma.

    Args:
        painted: (N, 3, H, W), 0 to 1.
        kept_luma: What their luma is to be, (N, 1, H, W), 0 to 1.
    """
    return functional.avg_pool2d(luma(painted.float()) - kept_luma, _TONE_PX).abs().mean()


def _compare(painted: Tensor, photo: Tensor) -> Tensor:
    mean, other = _average(painted), _average(photo)
    variance = (_average(painted * painted) - mean * mean).clamp_min(0)
    contrast = (_average(photo * photo) - other * other).clamp_min(0)
    correlation = (_average(painted * photo) - mean * other) / ((variance + _NOISE) * (contrast + _NOISE)).sqrt()
    deviation = (contrast + 1e-8).sqrt()
    weight = deviation / (deviation + _FAINT)
    return ((1 - correlation) * weight).sum() / weight.sum().clamp_min(1)


def _average(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values, _WINDOW_PX, 1)
