"""VGG16, which tells how alike two pictures look, for training styles."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor, nn

from triptych.video.network.checkpoints import read_weights
from triptych.video.params import StyleTrainingParams

_logger = logging.getLogger(__name__)
_VGG_LAYERS = (3, 8, 15, 22)
"""Last layers of the first four groups of VGG16: relu1_2, relu2_2, relu3_3, relu4_3 (Johnson et al.)."""
CONTENT_LAYER = 1
"""Of these, the one whose features tell what is on a picture: relu2_2."""


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
        tensors = {name: value for name, value in weights.items() if isinstance(value, Tensor)}
        own = {name.removeprefix("features."): value.float() for name, value in tensors.items()}
        if missing := [f"features.{name}" for name in wanted if name not in own]:
            raise ValueError(f"these are not torchvision's weights of VGG16: {missing[0]} is missing")
        self.layers.load_state_dict({name: own[name] for name in wanted}, assign=True)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Return the features (N, C, H', W') of four layers for pictures (N, 3, H, W), 0 to 1."""
        x = (picture - self.mean) / self.deviation
        features = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in _VGG_LAYERS:
                features.append(x)
        return features


def choose_vgg16(training: StyleTrainingParams) -> Vgg16 | None:
    """Build VGG16 if the parameters ask for it, or, with `auto`, if its weights are at hand.

    Raises:
        ValueError: If it is asked for and its weights can neither be read nor downloaded.
    """
    if training.perceptual == "critic":
        return None
    try:
        return Vgg16(_read_vgg16_weights(training.vgg16_weights, download=training.perceptual == "vgg16"))
    except (OSError, RuntimeError, ValueError) as error:
        if training.perceptual == "auto" and not training.vgg16_weights:
            _logger.info("VGG16's weights are not at hand: a critic learns to compare with the style")
            return None
        raise ValueError(
            f"perceptual is {training.perceptual!r}, but VGG16's weights cannot be had ({error}): give their file as "
            "vgg16_weights, or set perceptual to 'critic'"
        ) from error


def _read_vgg16_weights(path: str, *, download: bool) -> dict[str, Tensor]:
    from torchvision.models import VGG16_Weights

    enum = VGG16_Weights.IMAGENET1K_V1
    if path:
        return read_weights(Path(path))
    if download:
        return dict(enum.get_state_dict(progress=False, check_hash=True))
    cached = Path(torch.hub.get_dir()) / "checkpoints" / enum.url.rsplit("/", 1)[-1]
    return read_weights(cached)
