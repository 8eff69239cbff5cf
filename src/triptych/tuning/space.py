"""The search space."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from triptych.parameters.base import Params


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

    @property
    def ends(self) -> tuple[Any, ...]:
        """Smallest and largest value; of a choice all."""
        if self.low is None or self.high is None:
            return self.values
        return (int(self.low), int(self.high)) if self.kind.endswith("int") else (self.low, self.high)

    @model_validator(mode="after")
    def _check_kind(self) -> Any:
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
