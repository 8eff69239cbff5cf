"""The shape of a search: it shapes the graph, so it lives in settings.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchPlan:
    """Trials, rungs and the factor between them."""

    trials: int
    """Configurations in the first rung."""
    rungs: int = 1
    """Rungs; 1 gives every configuration the whole budget."""
    eta: int = 3
    """Of each rung the best 1 / eta go on, with eta times the budget."""

    def __post_init__(self) -> None:
        if self.trials < 1 or self.rungs < 1:
            raise ValueError(f"trials and rungs must be at least 1, got {self.trials} and {self.rungs}")
        if self.eta < 2:
            raise ValueError(f"eta must be at least 2, got {self.eta}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Trials of each rung."""
        return tuple(max(self.trials // self.eta**rung, 1) for rung in range(self.rungs))

    def budget(self, rung: int, max_budget: int) -> int:
        """Give the budget that a trial has used up at the end of a rung; the last rung's is `max_budget`."""
        return max(int(round(max_budget / self.eta ** (self.rungs - 1 - rung))), 1)  # noqa: RUF046 - mypy sees Any


SEARCH_PLANS = {"faq": SearchPlan(trials=16, rungs=3, eta=4), "shelf": SearchPlan(trials=16, rungs=3, eta=4)}
"""The shape of each workload's searches."""
