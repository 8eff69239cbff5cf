"""The losses of a training, a line every few steps."""

from __future__ import annotations

import logging
import math
import time

import numpy as np
import pandas as pd
from torch import Tensor

_logger = logging.getLogger(__name__)
_LINES = 30


class LossLog:
    """Gathers the losses of steps into lines.

    Args:
        steps: Of the whole training.
        styles: Learnt in turn; each line is of all of them.
    """

    def __init__(self, steps: int, styles: int) -> None:
        self._every = styles * max(1, steps // styles // _LINES)
        self._group: list[dict[str, float]] = []
        self._lines: list[dict[str, float]] = []
        self._start = time.perf_counter()

    def add(self, step: int, losses: dict[str, Tensor], rate: float, *, last: bool) -> None:
        """Take the losses of a step, counted from 1, and its learning rate.

        Raises:
            FloatingPointError: If one is not finite.
        """
        values = {name: float(value.detach()) for name, value in losses.items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise FloatingPointError(f"a loss is not finite at step {step}: {values}; lower learning_rate")
        self._group.append(values)
        if last or step % self._every == 0:
            means = {name: float(np.mean([one[name] for one in self._group])) for name in values}
            line = {"step": step, **means, "learning_rate": rate, "seconds": time.perf_counter() - self._start}
            self._lines.append(line)
            self._group = []
            _logger.info("step %d: loss %.3f, texture %.3f, structure %.3f", step, *_pick(means))

    def to_frame(self) -> pd.DataFrame:
        """Give a row a line: the step, means of the losses since the line before, learning rate and seconds."""
        return pd.DataFrame(self._lines)


def _pick(means: dict[str, float]) -> list[float]:
    return [means[name] for name in ("loss", "texture", "structure")]
