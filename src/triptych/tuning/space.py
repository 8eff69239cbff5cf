"""The search space, and configurations drawn from it."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from pydantic import model_validator

from triptych.parameters.base import Params

_DRAWS_FOR_A_NEW_ONE = 50


class Dimension(Params):
    """The values of one hyperparameter."""

    kind: Literal["uniform", "log_uniform", "int", "log_int", "choice"]
    """`uniform`, `log_uniform`: floats; `int`, `log_int`: whole numbers, ends included; `choice`: one of values."""
    low: float | None = None
    """Smallest value (all but choice)."""
    high: float | None = None
    """Largest value (all but choice)."""
    values: tuple[Any, ...] = ()
    """What a choice chooses from."""

    @model_validator(mode="after")
    def _check_by_kind(self) -> "Dimension":
        if self.kind == "choice":
            if not self.values or self.low is not None or self.high is not None:
                raise ValueError("kind choice takes values, and no low and high (null takes back those of conf/base)")
            return self
        if self.values or self.low is None or self.high is None or self.low > self.high:
            raise ValueError(
                f"kind {self.kind} takes low and high (low <= high), and no values ([] takes back those of conf/base)"
            )
        if self.kind.startswith("log") and self.low <= 0:
            raise ValueError(f"low must be above 0 for kind {self.kind}, got {self.low}")
        if self.kind.endswith("int") and (self.low != int(self.low) or self.high != int(self.high)):
            raise ValueError(f"low and high must be whole numbers for kind {self.kind}")
        return self

    def draw(self, rng: Generator) -> Any:
        """Draw a value."""
        if self.kind == "choice":
            return self.values[int(rng.integers(len(self.values)))]
        low, high = float(self.low or 0), float(self.high or 0)
        if self.kind == "int":
            return int(rng.integers(int(low), int(high) + 1))
        if self.kind == "uniform":
            return float(rng.uniform(low, high))
        drawn = math.exp(rng.uniform(math.log(low), math.log(high + 1 if self.kind == "log_int" else high)))
        return min(int(drawn), int(high)) if self.kind == "log_int" else min(max(drawn, low), high)


def draw_configurations(space: Mapping[str, Dimension], count: int, seed: int) -> list[dict[str, Any]]:
    """Draw configurations, all different as far as the space has as many.

    The first n of a longer list are those of a shorter one with the same seed.
    """
    configurations: list[dict[str, Any]] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        for _ in range(_DRAWS_FOR_A_NEW_ONE):
            configuration = {name: space[name].draw(rng) for name in sorted(space)}
            if configuration not in configurations:
                break
        configurations.append(configuration)
    return configurations


def list_grid(space: Mapping[str, Dimension]) -> list[dict[str, Any]]:
    """List every combination of a space of choices.

    Raises:
        ValueError: If a dimension is not a choice.
    """
    wrong = [name for name, dimension in space.items() if dimension.kind != "choice"]
    if wrong:
        raise ValueError(f"a grid needs kind choice for every hyperparameter; {', '.join(sorted(wrong))} are not")
    names = sorted(space)
    return [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(space[name].values for name in names))
    ]
