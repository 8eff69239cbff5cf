"""A trial: one configuration, how far it got, and what it scored on the way."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

_logger = logging.getLogger(__name__)
Status = Literal["waiting", "done", "failed", "unused"]


@dataclass(frozen=True)
class Measurement:
    """What a trial scored once it had used up a budget."""

    budget: int
    metrics: dict[str, float]
    seconds: float
    chosen: dict[str, Any] = field(default_factory=dict)
    """Hyperparameters that the training chose itself."""


@dataclass(frozen=True)
class Outcome:
    """What the training of a trial gives back.

    Attributes:
        metrics: Figures, finite.
        chosen: Hyperparameters that the training chose itself (the best number of rounds).
    """

    metrics: dict[str, float]
    chosen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One configuration of a search.

    Attributes:
        number: Place in the search, from 0.
        search: Fingerprint of the search: trials of different searches never meet.
        config: The hyperparameters.
        budget: What it may use up, all rungs together.
        status: `waiting` to be trained, `done`, `failed`, or `unused` (a grid smaller than the plan).
        history: A measurement a rung, in order.
        error: Why it failed.
        checkpoint: Folder from which the training goes on; None before the first rung.
        scratch: Keeps a checkpoint that is not yet saved on disk as long as the trial lives.
    """

    number: int
    search: str
    config: dict[str, Any]
    budget: int
    status: Status = "waiting"
    history: tuple[Measurement, ...] = ()
    error: str = ""
    checkpoint: Path | None = None
    scratch: TemporaryDirectory[str] | None = field(default=None, repr=False, compare=False)

    @property
    def measured(self) -> tuple[Measurement, ...]:
        """The measurements that have metrics: not that of a failure."""
        return tuple(measurement for measurement in self.history if measurement.metrics)

    @property
    def seconds(self) -> float:
        """Seconds of training, all rungs together."""
        return sum(measurement.seconds for measurement in self.history)

    def to_json(self) -> dict[str, Any]:
        """Give everything but the checkpoint as plain values."""
        left_out = ("checkpoint", "scratch", "history")
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        return values | {"history": [asdict(measurement) for measurement in self.history]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], checkpoint: Path | None) -> Trial:
        """Undo `to_json`."""
        history = tuple(Measurement(**measurement) for measurement in values["history"])
        return cls(**{**values, "history": history, "checkpoint": checkpoint})


Train = Callable[[dict[str, Any], int, Path | None, Path], Outcome]


def run_trial(trial: Trial, train: Train) -> Trial:
    """Train a trial up to its budget; whatever goes wrong is its own loss, not the search's.

    Args:
        trial: The trial; one that has failed or is unused is given back as it is.
        train: Called with the configuration, the budget, the folder of the last checkpoint (None at first) and
            an empty folder for the next one.

    Returns:
        The trial with one more measurement and its new checkpoint, or with its error.
    """
    if trial.status in ("failed", "unused"):
        return trial
    scratch = TemporaryDirectory(prefix=f"trial_{trial.number:02}_")
    folder = Path(scratch.name)
    start = time.perf_counter()
    try:
        outcome = train(dict(trial.config), trial.budget, trial.checkpoint, folder)
        wrong = {name: value for name, value in outcome.metrics.items() if not math.isfinite(value)}
        if wrong:
            raise ValueError(f"metrics are not finite: {wrong}")
    except Exception as error:  # any failure is recorded, whatever library it comes from
        scratch.cleanup()
        _logger.warning("Trial %d failed: %s: %s", trial.number, type(error).__name__, error)
        measured = Measurement(trial.budget, {}, time.perf_counter() - start)
        history = (*trial.history, measured)
        return replace(trial, status="failed", error=f"{type(error).__name__}: {error}", history=history)
    measured = Measurement(trial.budget, outcome.metrics, time.perf_counter() - start, outcome.chosen)
    history = (*trial.history, measured)
    return replace(trial, status="done", history=history, checkpoint=folder, scratch=scratch)
