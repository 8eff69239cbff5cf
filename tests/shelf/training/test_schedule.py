from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.params import TrainingParams
from triptych.shelf.training.schedule import create_optimizer, learning_rate

STEPS = st.integers(1, 500)


@given(STEPS, st.sampled_from(["one_cycle", "step"]), st.floats(0, 0.9))
def test_the_rate_rises_then_falls(steps: int, schedule: str, share: float) -> None:
    training = TrainingParams(learning_rate=0.1, schedule=schedule, warmup_share=share)  # type: ignore[arg-type]
    rates = [learning_rate(step, steps, training) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 0.1 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert abs(top - share * steps) <= 1


def test_one_cycle_ends_at_nothing_and_step_drops_twice() -> None:
    one_cycle, step = TrainingParams(learning_rate=1.0), TrainingParams(learning_rate=1.0, schedule="step")
    assert learning_rate(999, 1000, one_cycle) < 1e-4
    assert [learning_rate(at, 900, step) for at in (500, 600, 799, 800)] == pytest.approx([1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_biases_and_normalisation_do_not_decay(name: str) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.GroupNorm(2, 8))
    network[0].weight.requires_grad_(True)
    optimizer = create_optimizer(network, TrainingParams(optimizer=name, weight_decay=0.5))  # type: ignore[arg-type]
    decays = {
        parameter.ndim: group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]
    }
    assert decays == {4: 0.5, 1: 0.0}


def test_frozen_parameters_are_not_optimized() -> None:
    network = torch.nn.Conv2d(3, 8, 3)
    network.weight.requires_grad_(False)
    optimizer = create_optimizer(network, TrainingParams())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 1
