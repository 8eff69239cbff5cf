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
Status = Literal["waiting", "done", "failed"]
START_ANEW = "run the search without --only-missing-outputs or --from-nodes"
"""What to do where trials on disk are of no use."""


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
        search: Fingerprint of what is searched: trials of different searches never meet.
        data: Fingerprint of what it learns from and is measured on.
        config: The hyperparameters.
        budget: What it may use up, all rungs together.
        status: `waiting` to be trained, `done` or `failed`.
        history: A measurement a rung, in order.
        error: Why it failed.
        checkpoint: Folder from which the training goes on; None before the first rung.
        scratch: Keeps a checkpoint that is not yet saved on disk as long as the trial lives.
    """

    number: int
    search: str
    data: str
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
        trial: The trial; one that has failed is given back as it is.
        train: Called with the configuration, the budget, the folder of the last checkpoint (None at first) and
            an empty folder for the next one.

    Returns:
        The trial with one more measurement and its new checkpoint, or with its error.
    """
    if trial.status == "failed":
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


@dataclass
class TrialBatch:
    """The trials of a node: each is trained when it is to be saved, so that those before it are safe by then.

    Attributes:
        trials: Waiting, or failed in an earlier rung.
        train: Trains one, as `run_trial` takes it.
        run_id: Of the run that starts the search anew; empty if it goes on, and finished trials are not repeated.
        later: Whether they are of a later rung; only those of the first take the place of an earlier search.
        listeners: Called with each trial once it is trained.
    """

    trials: list[Trial]
    train: Train
    run_id: str = ""
    later: bool = False
    listeners: list[Callable[[Trial], None]] = field(default_factory=list)

    @property
    def search(self) -> str:
        """The fingerprint that all of them share."""
        return self.trials[0].search

    def run(self, trial: Trial) -> Trial:
        """Train one of the trials, and tell the listeners."""
        done = run_trial(trial, self.train)
        for listener in self.listeners:
            listener(done)
        return done
