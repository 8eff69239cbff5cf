"""Instance normalisation in its affine form, which keeps the order of memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triptych.video.network.transformer import EPSILON, StyleNorm

__all__ = ["AffineNorm", "normalise", "replace_norms"]


class AffineNorm(StyleNorm):
    """Computes what `StyleNorm` does, as a scale and a shift of each channel.

    `InstanceNorm2d` gives planes of channels whatever it is given; on a GPU, convolutions in half precision want
    channels last, and every one after it would have to turn them around again.

    Args:
        norm: The one to take the place of, whose weights it shares.
    """

    def __init__(self, norm: StyleNorm) -> None:
        super().__init__(norm.num_features)
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Normalise (N, C, H, W) of any floating-point type; mean and variance are of float32."""
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0)
        return normalise(x, *self.mix(shares), mean, variance)


def normalise(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Normalise by given statistics.

    Args:
        x: (N, C, H, W).
        weight: (C,), or (N, C).
        bias: The same.
        mean: float32 (N, C).
        variance: float32 (N, C).
    """
    scale = weight * torch.rsqrt(variance + EPSILON)
    # The mean is taken off first: scaled, what is all but constant would lose in half precision what differs in it, or
    # be beyond its range. What of the mean half precision has no number for is in the shift.
    centre = mean.to(x.dtype)
    shift = bias + (centre.float() - mean) * scale
    return torch.addcmul(_spread(shift).to(x.dtype), x - _spread(centre), _spread(scale).to(x.dtype))


def _spread(values: Tensor) -> Tensor:
    return values[:, :, None, None]


def replace_norms(module: nn.Module) -> nn.Module:
    """Put the affine form in the place of every normalisation within a module; give the module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, StyleNorm):
                setattr(parent, name, AffineNorm(child))
    return module
