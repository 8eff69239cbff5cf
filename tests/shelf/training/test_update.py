from __future__ import annotations

import pytest
import torch
from torch import nn

from triptych.shelf.params import TrainingParams
from triptych.shelf.training.update import NonFiniteLossError, WeightUpdate

CPU = torch.device("cpu")
TRAINING = TrainingParams(clip_norm=1.0)


def learn(dtype: torch.dtype, factor: float, steps: int = 1) -> tuple[WeightUpdate, nn.Linear, list[float]]:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    update = WeightUpdate(network, TRAINING, CPU, dtype)
    norms = [float(update.apply(network(torch.ones(2, 3)).sum() * factor, 0.1)) for _ in range(steps)]
    return update, network, norms


def test_magnified_gradients_make_the_same_step() -> None:
    _, plain, norms = learn(torch.float32, 1e-3, 3)
    _, magnified, others = learn(torch.float16, 1e-3, 3)
    torch.testing.assert_close(plain.weight, magnified.weight)
    assert others == pytest.approx(norms)
    # The gradient of each of three weights and the intercept is 2, times the factor.
    assert norms[0] == pytest.approx(4e-3)


def test_a_step_that_overflows_is_left_out_and_magnifies_less_after() -> None:
    _, untouched, _ = learn(torch.float16, 1.0, 0)
    update, network, norms = learn(torch.float16, 3e38)
    assert torch.equal(network.weight, untouched.weight)
    assert norms == [0.0]
    assert update.state_dict()["scaler"]["scale"] == 2.0**15


def test_gradients_that_never_fit_end_the_training() -> None:
    update, _, _ = learn(torch.float16, float("inf"), 20)
    update.check()
    update, _, _ = learn(torch.float16, float("inf"), 27)
    with pytest.raises(NonFiniteLossError, match="precision fp32"):
        update.check()


def test_a_state_is_gone_on_from() -> None:
    update, _, _ = learn(torch.float16, float("inf"), 4)
    fresh = WeightUpdate(nn.Linear(3, 1), TRAINING, CPU, torch.float16)
    fresh.load_state_dict(update.state_dict())
    assert fresh.state_dict()["scaler"]["scale"] == 2.0**12
    without = {"optimizer": update.state_dict()["optimizer"]}  # as written before
    WeightUpdate(nn.Linear(3, 1), TRAINING, CPU, torch.float32).load_state_dict(without)
