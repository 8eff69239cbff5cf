"""The optimizer and how its learning rate runs: a function of the step alone, so nothing of it has to be kept."""

from __future__ import annotations

import math

import torch
from torch import nn

from triptych.shelf.params import TrainingParams

_MOMENTUM = 0.9
_DROPS = (2 / 3, 8 / 9)  # of the steps, after which the `step` schedule divides by ten
_FIRST_SHARE = 1e-3  # of the highest rate, at the first step of the warm-up


def create_optimizer(network: nn.Module, training: TrainingParams) -> torch.optim.Optimizer:
    """Create the optimizer; biases and normalisation (parameters with one dimension) do not decay."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if training.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=training.learning_rate, momentum=_MOMENTUM, fused=True)
    return torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)


def learning_rate(step: int, steps: int, training: TrainingParams) -> float:
    """Give the learning rate of a step.

    Args:
        step: From 0.
        steps: Of the whole training.
        training: Highest rate, schedule and warm-up.
    """
    warmup = training.warmup_share * steps
    if step < warmup:
        return training.learning_rate * (_FIRST_SHARE + (1 - _FIRST_SHARE) * step / warmup)
    if training.schedule == "step":
        return training.learning_rate * 0.1 ** sum(step >= drop * steps for drop in _DROPS)
    done = (step - warmup) / max(1.0, steps - warmup)
    return training.learning_rate * (1 + math.cos(math.pi * done)) / 2


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
