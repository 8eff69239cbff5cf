"""The step from gradients to weights: in float16 with magnified gradients, and no longer than a limit."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from triptych.shelf.params import TrainingParams
from triptych.shelf.training.schedule import create_optimizer, set_learning_rate

_LEAST_SCALE = 2.0**-10  # of gradients in float16, which begin magnified by 2 ** 16


class NonFiniteLossError(ArithmeticError):
    """The loss, or its gradient, is no longer a number."""


class WeightUpdate:
    """Changes the weights of a network by the gradient of a loss.

    In float16 small gradients would be nothing: they are computed magnified, by as much as just does not overflow, and
    where it does the step is left out (Micikevicius and others: Mixed Precision Training, ICLR 2018, 3.2).

    Args:
        network: What learns.
        training: The optimizer and the largest norm of the gradient.
        device: Where it computes.
        dtype: In which convolutions and matrix products are computed.
    """

    def __init__(self, network: nn.Module, training: TrainingParams, device: torch.device, dtype: torch.dtype) -> None:
        self._parameters = list(network.parameters())
        self._limit = training.clip_norm or math.inf
        self._optimizer = create_optimizer(network, training)
        self._scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)

    def apply(self, loss: Tensor, rate: float) -> Tensor:
        """Make a step with a learning rate; give the gradient's norm, 0 where the step was left out."""
        set_learning_rate(self._optimizer, rate)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimizer)
        norm = nn.utils.clip_grad_norm_(self._parameters, self._limit)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return torch.nan_to_num(norm, nan=0.0, posinf=0.0) if self._scaler.is_enabled() else norm

    def check(self) -> None:
        """Refuse to go on where gradients overflow however little they are magnified; the host waits for the device.

        Raises:
            NonFiniteLossError: If they do.
        """
        if self._scaler.is_enabled() and self._scaler.get_scale() < _LEAST_SCALE:
            raise NonFiniteLossError("gradients exceed float16, and nothing is learnt any more: use precision fp32")

    def state_dict(self) -> dict[str, Any]:
        """Give everything that `load_state_dict` needs."""
        return {"optimizer": self._optimizer.state_dict(), "scaler": self._scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state.get("scaler", {}))
