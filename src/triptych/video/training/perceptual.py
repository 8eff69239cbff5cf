"""Networks that tell how alike two pictures look, for training styles.

Random weights do, if several scales are looked at and each channel is brought to the same strength (Ustyuzhaninov et
al., "What does it take to generate natural textures?", 2017).
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from triptych.video.params import StyleTrainingParams

_logger = logging.getLogger(__name__)
_SCALES = 3
_CHANNELS = (32, 64, 96)
_WEAKEST = 0.1  # deviation below which a channel is taken to say nothing of the style, and is not made stronger
_VGG_LAYERS = (3, 8, 15, 22)
"""Last layers of the first four groups of VGG16: relu1_2, relu2_2, relu3_3, relu4_3 (Johnson et al.)."""


class RandomPyramid(nn.Module):
    """Untrained networks, another one at each of three scales.

    Args:
        seed: Seed of the weights.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self._scales = [_build_random_scale(generator) for _ in range(_SCALES)]
        self.scales = nn.ModuleList(self._scales)

    @torch.no_grad()
    def calibrate(self, picture: Tensor) -> None:
        """Scale every channel to unit deviation on a picture (1, 3, H, W), 0 to 1."""
        for scale, layers in enumerate(self._scales):
            x = _shrink(_centre(picture), scale)
            for layer in layers:
                x = layer(x)
                if isinstance(layer, nn.Conv2d):
                    strength = x.std(dim=(0, 2, 3)).clamp_min(_WEAKEST)
                    layer.weight /= strength[:, None, None, None]
                    x = x / strength[:, None, None]

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Return the features (N, C, H', W') of every convolution, of all scales."""
        features = []
        for scale, layers in enumerate(self._scales):
            x = _shrink(_centre(picture), scale)
            for layer in layers:
                x = layer(x)
                if isinstance(layer, nn.ReLU):
                    features.append(x)
        return features


def _build_random_scale(generator: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for number, channels in enumerate(_CHANNELS):
        if number:
            layers.append(nn.AvgPool2d(2))
        for _ in range(2):
            convolution = nn.Conv2d(inputs, channels, 3, padding=1, padding_mode="reflect", bias=False)
            nn.init.kaiming_normal_(convolution.weight, generator=generator)
            layers += [convolution, nn.ReLU()]
            inputs = channels
    return nn.Sequential(*layers).requires_grad_(False)


class Vgg16(nn.Module):
    """The trained network of Johnson et al.

    Args:
        weights: State dict of torchvision's VGG16, the classifier left out or not.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        from torchvision.models import vgg16

        with torch.device("meta"):
            self.layers = vgg16().features[: _VGG_LAYERS[-1] + 1]
        wanted = self.layers.state_dict()
        own = {name.removeprefix("features."): value.float() for name, value in weights.items()}
        if missing := [f"features.{name}" for name in wanted if name not in own]:
            raise ValueError(f"these are not torchvision's weights of VGG16: {missing[0]} is missing")
        self.layers.load_state_dict({name: own[name] for name in wanted}, assign=True)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def calibrate(self, picture: Tensor) -> None:
        """Do nothing: trained weights are as they should be."""

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Return the features (N, C, H', W') of four layers for pictures (N, 3, H, W), 0 to 1."""
        x = (picture - self.mean) / self.deviation
        features = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in _VGG_LAYERS:
                features.append(x)
        return features


Perceptual = RandomPyramid | Vgg16


def choose_perceptual(training: StyleTrainingParams) -> Perceptual:
    """Build the network that the parameters ask for.

    Raises:
        ValueError: If VGG16 is asked for and its weights can neither be read nor downloaded.
    """
    if training.perceptual == "random":
        return RandomPyramid(training.seed)
    try:
        return Vgg16(_read_vgg16_weights(training.vgg16_weights, download=training.perceptual == "vgg16"))
    except (OSError, RuntimeError) as error:
        if training.perceptual == "auto" and not training.vgg16_weights:
            _logger.info("VGG16's weights are not at hand: the style is compared by a random network")
            return RandomPyramid(training.seed)
        raise ValueError(
            f"perceptual is {training.perceptual!r}, but VGG16's weights cannot be had ({error}): give their file as "
            "vgg16_weights, or set perceptual to 'random'"
        ) from error


def _read_vgg16_weights(path: str, *, download: bool) -> dict[str, Tensor]:
    from torchvision.models import VGG16_Weights

    enum = VGG16_Weights.IMAGENET1K_V1
    if path:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    if download:
        return dict(enum.get_state_dict(progress=False, check_hash=True))
    cached = Path(torch.hub.get_dir()) / "checkpoints" / enum.url.rsplit("/", 1)[-1]
    return dict(torch.load(cached, map_location="cpu", weights_only=True))


def _centre(picture: Tensor) -> Tensor:
    return picture * 2 - 1


def _shrink(picture: Tensor, scale: int) -> Tensor:
    return functional.avg_pool2d(picture, 2**scale) if scale else picture
