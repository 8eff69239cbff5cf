"""Typed parameters of a search."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from triptych.tuning.space import Dimension


@dataclass(frozen=True)
class SearchParams:
    """What is searched, for what, and how long a trial may take."""

    max_budget: int
    """Budget of a trial in the last rung (boosting rounds, epochs)."""
    metric: str
    """The metric that decides, as the trial reports it."""
    tie_breaker: str
    """The metric that decides where the first is equal."""
    space: dict[str, Dimension] = field(default_factory=dict)
    """The values of each hyperparameter."""
    mode: Literal["max", "min"] = "max"
    """Whether larger or smaller is better, for both metrics."""
    method: Literal["random", "grid"] = "random"
    """`random` draws; `grid` takes every combination, which must be no more than the plan has trials."""
    seed: int = 0
    """Seed of the draws."""

    def __post_init__(self) -> None:
        if self.max_budget < 1:
            raise ValueError(f"max_budget must be at least 1, got {self.max_budget}")
        if not self.space:
            raise ValueError("space must name at least one hyperparameter")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")

    def check_names(self, *settings: type[Any]) -> None:
        """Check that every hyperparameter in the space is a field of the workload's settings."""
        known = {field.name for params in settings for field in fields(params)}
        unknown = sorted(set(self.space) - known)
        if unknown:
            names = " and ".join(params.__name__ for params in settings)
            verb = "has" if len(settings) == 1 else "have"
            raise ValueError(f"space names {', '.join(unknown)}; {names} {verb} {', '.join(sorted(known))}")
