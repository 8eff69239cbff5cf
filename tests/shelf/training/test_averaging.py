from __future__ import annotations

import pytest
import torch
from torch import nn

from triptych.shelf.training.averaging import average_decay, copy_for_average, update_average


def test_the_mean_is_that_of_the_definition() -> None:
    model = nn.Linear(1, 1)
    mean = copy_for_average(model, 0.9)
    expected = model.weight.item()
    for value in (2.0, -1.0, 5.0):
        nn.init.constant_(model.weight, value)
        update_average(mean, model, 0.9)
        expected = 0.9 * expected + 0.1 * value
    assert mean.weight.item() == pytest.approx(expected)
    assert not mean.weight.requires_grad


def test_statistics_are_averaged_and_counters_taken() -> None:
    model = nn.BatchNorm2d(2)
    mean = copy_for_average(model, 0.5)
    model(torch.full((1, 2, 4, 4), 3.0))  # moves the running mean to 0.3
    update_average(mean, model, 0.5)
    torch.testing.assert_close(mean.running_mean, torch.full((2,), 0.15))
    assert mean.num_batches_tracked == 1


def test_it_reaches_back_less_far_at_first() -> None:
    assert [average_decay(step, 0.99) for step in (0, 8, 10_000)] == [0.1, 0.5, 0.99]


def test_without_a_decay_it_is_the_model_itself() -> None:
    model = nn.Linear(1, 1)
    assert copy_for_average(model, 0.0) is model
