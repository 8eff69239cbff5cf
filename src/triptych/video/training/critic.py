"""A network that learns, beside the style network, to tell its pictures from pieces of the style image.

What it looks at is what still gives the painted pictures away, so it stands in for a network that was trained on a
million photos: a patch discriminator at three scales (Isola et al., "Image-to-image translation with conditional
adversarial networks", 2017), spectrally normalised (Miyato et al., 2018), with the hinge loss (Lim and Ye,
"Geometric GAN", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

SCALES = 3
_SLOPE = 0.2


@dataclass(frozen=True)
class Opinion:
    """What a critic says of pictures.

    Attributes:
        verdicts: For each scale (N, 1, H', W'), above 0 where it takes a place for a piece of the style image.
        features: For each scale, those of every layer, (N, C, H', W').
    """

    verdicts: list[Tensor]
    features: list[list[Tensor]]

    def part(self, first: int, last: int) -> Opinion:
        """Take what it says of some of the pictures."""
        features = [[layer[first:last] for layer in scale] for scale in self.features]
        return Opinion([verdict[first:last] for verdict in self.verdicts], features)


class Critic(nn.Module):
    """A small network of its own for the picture, its half and its quarter."""

    def __init__(self) -> None:
        super().__init__()
        self._scales = [_Scale() for _ in range(SCALES)]
        self.scales = nn.ModuleList(self._scales)

    def forward(self, pictures: Tensor) -> Opinion:
        """Judge pictures (N, 3, H, W), 0 to 1, of at least 32 pixels either way."""
        x = pictures * 2 - 1
        opinion = Opinion([], [])
        for number, scale in enumerate(self._scales):
            x = functional.avg_pool2d(x, 2) if number else x
            verdict, features = scale(x)
            opinion.verdicts.append(verdict)
            opinion.features.append(features)
        return opinion


class _Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        shapes = ((3, 32, 4, 2), (32, 64, 4, 2), (64, 96, 3, 1), (96, 96, 3, 1))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(i, o, k, s, padding=1)) for i, o, k, s in shapes)
        self.verdict = spectral_norm(nn.Conv2d(96, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return self.verdict(x), features


def critic_loss(real: Opinion, painted: Opinion) -> Tensor:
    """Return what the critic is to make small: the hinge loss, summed over the scales, 0 where it is sure and right."""
    pairs = zip(real.verdicts, painted.verdicts, strict=True)
    return torch.stack([(1 - one.float()).relu().mean() + (1 + two.float()).relu().mean() for one, two in pairs]).sum()


def fooling_loss(painted: Opinion) -> Tensor:
    """Return what the style network is to make small: minus the verdicts, summed over the scales."""
    return torch.stack([-verdict.float().mean() for verdict in painted.verdicts]).sum()


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix (C, C) of the features (N, C, H, W) of all pictures together, divided by the places.

    It tells which features go together, wherever: a style (Gatys et al., "Image style transfer using convolutional
    neural networks", 2016).
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.transpose(0, 1).flatten(1).float()
        return flat @ flat.T / flat.shape[1]


def gram_distance(features: Tensor, target: Tensor) -> Tensor:
    """Return how far the Gram matrix of features is from another, (C, C), relative to that one's strength.

    The distance is not squared: squared ones explode at the start and can turn contrast round.
    """
    distance: Tensor = (gram(features) - target).norm() / target.norm().clamp_min(1e-6)
    return distance


def gram_loss(painted: Sequence[Sequence[Tensor]], style: Sequence[Sequence[Tensor]]) -> Tensor:
    """Compare features by their Gram matrices.

    Args:
        painted: Features of pictures, (N, C, H, W) for each layer of each scale.
        style: Those of the style, (M, C, H', W'); no gradient flows into them.

    Returns:
        The distances relative to the style's matrices, their mean over layers, summed over the scales.
    """
    scales = []
    for one, other in zip(painted, style, strict=True):
        distances = [gram_distance(x, gram(layer.detach())) for x, layer in zip(one, other, strict=True)]
        scales.append(torch.stack(distances).mean())
    return torch.stack(scales).sum()
