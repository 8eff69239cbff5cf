"""What a style network is trained to make small."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from triptych.video.training.perceptual import Perceptual

_BAND_WEIGHTS = (0.0, 0.15, 0.5, 1.0)  # of the luma's Laplacian bands, finest first
_PALETTE_SCALES = (1, 8)
_DIRECTIONS = 16
_COLOURS = 4096  # drawn from each
_LUMA = (0.299, 0.587, 0.114)


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrices (N, C, C) of features (N, C, H, W), divided by the number of places.

    They tell which features go together, wherever: a style (Gatys et al., "Image style transfer using convolutional
    neural networks", 2016).
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.flatten(2).float()
        return flat @ flat.transpose(1, 2) / flat.shape[2]


class StyleLoss:
    """How far pictures are from a style.

    Args:
        network: What compares; it is calibrated on the style.
        style: (1, 3, H, W), 0 to 1.
    """

    def __init__(self, network: Perceptual, style: Tensor) -> None:
        network.calibrate(style)
        self._network = network
        with torch.no_grad():
            self._targets = [gram(features) for features in network(style)]
            self._norms = [target.norm().clamp_min(1e-6) for target in self._targets]

    def __call__(self, features: Sequence[Tensor]) -> Tensor:
        """Return the sum over the layers of the distance of the Gram matrices, 0 where they are equal.

        The distance is not squared: squared ones explode at the start and can turn contrast round.

        Args:
            features: What the network says of pictures.
        """
        losses = [
            (torch.linalg.matrix_norm(gram(one) - target) / norm).mean()
            for one, target, norm in zip(features, self._targets, self._norms, strict=True)
        ]
        return torch.stack(losses).sum()


class PaletteLoss:
    """How far the colours of pictures are from those of a style, however they are arranged.

    Gram matrices hold no more of the colours than their mean and spread, so two are enough for them. This is the
    sliced Wasserstein distance (Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015): along
    random directions, sorted colours are compared one by one; for pixels and for means of 8x8.

    Args:
        style: (1, 3, H, W), 0 to 1.
    """

    def __init__(self, style: Tensor) -> None:
        self._styles = [_list_colours(style, scale) for scale in _PALETTE_SCALES]

    def __call__(self, painted: Tensor) -> Tensor:
        """Return the mean distance of pictures (N, 3, H, W), 0 where all colours are as frequent as in the style."""
        with torch.autocast(painted.device.type, enabled=False):
            pairs = zip(_PALETTE_SCALES, self._styles, strict=True)
            return torch.stack([_slice_distance(_list_colours(painted, scale), style) for scale, style in pairs]).mean()


def _slice_distance(colours: Tensor, style: Tensor) -> Tensor:
    directions = functional.normalize(torch.randn(_DIRECTIONS, 3, device=colours.device), dim=1)
    count = min(_COLOURS, len(colours), len(style))
    drawn = [one[torch.randint(len(one), (count,), device=one.device)] for one in (colours, style)]
    first, second = (torch.sort(directions @ one.T, 1).values for one in drawn)
    return (first - second).abs().mean()


def _list_colours(pictures: Tensor, scale: int) -> Tensor:
    means = functional.avg_pool2d(pictures.float(), scale) if scale > 1 else pictures.float()
    return means.permute(0, 2, 3, 1).reshape(-1, 3)


def content_loss(painted: Tensor, kept_luma: Tensor) -> Tensor:
    """Compare luma band by band.

    Args:
        painted: (N, 3, H, W), 0 to 1.
        kept_luma: (N, 1, H, W), 0 to 1.

    Returns:
        Weighted mean of the absolute differences of the Laplacian bands and what remains below them.
    """
    rest = _luma(painted) - kept_luma  # the pyramid is linear
    loss = rest.new_zeros(())
    for weight in _BAND_WEIGHTS:
        below = functional.avg_pool2d(rest, 2, ceil_mode=True, count_include_pad=False)
        if weight:
            smooth = functional.interpolate(below, size=rest.shape[2:], mode="bilinear", align_corners=False)
            loss = loss + weight * (rest - smooth).abs().mean()
        rest = below
    return loss + rest.abs().mean()


def _luma(picture: Tensor) -> Tensor:
    weights = picture.new_tensor(_LUMA)[:, None, None]
    return (picture * weights).sum(1, keepdim=True)
