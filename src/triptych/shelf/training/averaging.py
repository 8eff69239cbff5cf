"""A running mean of a detector's weights: what is validated and kept, while the weights themselves go on learning.

Polyak, Juditsky: Acceleration of Stochastic Approximation by Averaging, 1992; with weights that decay, as TensorFlow's
ExponentialMovingAverage has them.
"""

from __future__ import annotations

import copy
import itertools
from typing import TypeVar

import torch
from torch import Tensor, nn

_FIRST = 10  # after how many steps the mean reaches back over more than the last one or two

_Model = TypeVar("_Model", bound=nn.Module)


def average_decay(step: int, decay: float) -> float:
    """Give the share of the mean so far that stays at a step, from 0.

    Over the first steps it is less, (1 + step) / (10 + step), so that the weights drawn at random are soon forgotten.
    """
    return min(decay, (1 + step) / (_FIRST + step))


def copy_for_average(model: _Model, decay: float) -> _Model:
    """Give the model that holds the mean: a copy that does not learn, or the model itself if the decay is 0."""
    return copy.deepcopy(model).requires_grad_(requires_grad=False) if decay else model


@torch.no_grad()
def update_average(averaged: nn.Module, model: nn.Module, share: float) -> None:
    """Mix weights and running statistics into the mean; counters are taken as they are.

    Args:
        averaged: Holds the mean.
        model: What learns, with the same parts.
        share: Of the mean so far that stays.
    """
    means: list[Tensor] = []
    values: list[Tensor] = []
    pairs = zip(
        itertools.chain(averaged.parameters(), averaged.buffers()),
        itertools.chain(model.parameters(), model.buffers()),
        strict=True,
    )
    for mean, value in pairs:
        if torch.is_floating_point(mean):
            means.append(mean)
            values.append(value)
        else:
            mean.copy_(value)
    torch._foreach_lerp_(means, values, 1 - share)
