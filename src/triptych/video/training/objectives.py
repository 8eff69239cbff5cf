"""What a style network is trained to make small, with VGG16 and without any trained network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from triptych.video.params import StyleTrainingParams
from triptych.video.runtimes.hardware import half_precision
from triptych.video.training.critic import Critic, critic_loss, fooling_loss, gram, gram_distance, gram_loss
from triptych.video.training.crops import Batch, draw_style
from triptych.video.training.distributions import PaletteLoss, PatchLoss
from triptych.video.training.perceptual import CONTENT_LAYER, Vgg16
from triptych.video.training.ripple import RippleLoss
from triptych.video.training.structure import structure_loss, tone_loss

Objective = Callable[[Batch, Tensor, float], dict[str, Tensor]]
"""From what was shown, what was painted (N, 3, H, W), 0 to 1, and the share of the learning rate to the losses."""
_CRITIC_RATE = 4e-4
_CRITIC_NOISE = 0.02  # on all it sees, so that it cannot tell by single levels
_PATCH_WEIGHT = 1.0
_PALETTE_WEIGHT = 5.0
_TONE_WEIGHT = 8.0
_VGG_CONTENT = 4.0  # brings content to about the strength of style, where content_weight is 1


class CriticObjective:
    """Style by a critic that learns on the way and by the distributions of patches and colours; content by structure.

    Args:
        style: (1, 3, H, W), 0 to 1.
        training: Weights, and seed.
    """

    def __init__(self, style: Tensor, training: StyleTrainingParams) -> None:
        self._style, self._training = style, training
        self._rng = np.random.default_rng(training.seed + 1)
        self._critic = Critic().to(style.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimizer = torch.optim.Adam(self._critic.parameters(), _CRITIC_RATE, betas=(0.5, 0.99))
        self._patches, self._palette, self._ripple = PatchLoss(style), PaletteLoss(style), RippleLoss(style)

    def __call__(self, batch: Batch, painted: Tensor, rate: float) -> dict[str, Tensor]:
        """Teach the critic a step, and return the losses of what was painted, weighted."""
        real = self._teach(painted.detach(), rate)
        self._critic.requires_grad_(False)
        with half_precision(painted.device):
            opinion = self._critic(painted.clamp(-0.2, 1.2).contiguous(memory_format=torch.channels_last))
        self._critic.requires_grad_(True)
        weights = self._training
        return {
            "critic": weights.style_weight * fooling_loss(opinion),
            "texture": weights.style_weight * gram_loss(opinion.features, real),
            "patches": weights.style_weight * _PATCH_WEIGHT * self._patches(painted),
            "palette": weights.style_weight * _PALETTE_WEIGHT * self._palette(painted),
            "structure": weights.content_weight * structure_loss(painted, batch.photo),
            "tone": weights.content_weight * _TONE_WEIGHT * tone_loss(painted, batch.kept_luma),
            "ripple": weights.ripple_weight * self._ripple(painted),
        }

    def _teach(self, painted: Tensor, rate: float) -> list[list[Tensor]]:
        """Move the critic a step; return its features of the style, of before the step."""
        for group in self._optimizer.param_groups:
            group["lr"] = _CRITIC_RATE * rate
        count, size = len(painted), painted.shape[-1]
        both = torch.cat([draw_style(self._style, count, size, self._rng), painted])
        with half_precision(painted.device):
            opinion = self._critic(
                (both + _CRITIC_NOISE * torch.randn_like(both)).contiguous(memory_format=torch.channels_last)
            )
        real = opinion.part(0, count)
        self._optimizer.zero_grad(set_to_none=True)
        critic_loss(real, opinion.part(count, 2 * count)).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return [[layer.detach() for layer in scale] for scale in real.features]


class Vgg16Objective:
    """Style and content by the features of VGG16, as in the paper of Johnson et al.

    Distances are relative to the strength of what they compare with, so that the weights do not depend on the layers.

    Args:
        network: Trained weights.
        style: (1, 3, H, W), 0 to 1.
        training: Weights.
    """

    def __init__(self, network: Vgg16, style: Tensor, training: StyleTrainingParams) -> None:
        self._network, self._training = network, training
        with torch.no_grad():
            self._style = [gram(features) for features in network(style)]

    def __call__(self, batch: Batch, painted: Tensor, _rate: float) -> dict[str, Tensor]:
        """Return the losses of what was painted, weighted."""
        with half_precision(painted.device):
            features = self._network(painted)
            with torch.no_grad():
                kept = self._network(batch.photo)[CONTENT_LAYER]
        pairs = zip(features, self._style, strict=True)
        style = torch.stack([gram_distance(one, target) for one, target in pairs]).sum()
        content = (features[CONTENT_LAYER] - kept).float().square().mean() / kept.float().square().mean()
        return {
            "texture": self._training.style_weight * style,
            "structure": self._training.content_weight * _VGG_CONTENT * content,
        }


def total_variation(pictures: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbouring pixels of pictures (N, C, H, W), across plus down."""
    across, down = (pictures.diff(dim=axis).abs().mean() for axis in (3, 2))
    return across + down
