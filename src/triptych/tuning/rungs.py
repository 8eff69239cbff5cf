"""Who is trained in a rung, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triptych.errors import StartAnewError
from triptych.tuning.params import SearchParams
from triptych.tuning.trials import START_ANEW, Measurement, Trial


def rank_trials(trials: Sequence[Trial], search: SearchParams) -> list[Trial]:
    """Order trials by their best measurement; failed ones last.

    Raises:
        ValueError: If a trial does not report the metrics.
    """

    def key(trial: Trial) -> tuple[float, ...]:
        if not trial.measured:
            return (1, trial.number)
        return (0, *_loss(best_measurement(trial, search), search), trial.number)

    return sorted(trials, key=key)


def best_measurement(trial: Trial, search: SearchParams) -> Measurement:
    """Pick the best of what a trial scored at any budget; a smaller budget wins a tie.

    All are measured on the same questions, so more training that brought nothing is not held in favour.

    Raises:
        ValueError: If the trial does not report the metrics.
    """
    return min(trial.measured, key=lambda measurement: (*_loss(measurement, search), measurement.budget))


def _loss(measurement: Measurement, search: SearchParams) -> tuple[float, float]:
    missing = {search.metric, search.tie_breaker} - set(measurement.metrics)
    if missing:
        raise ValueError(f"trials report {sorted(measurement.metrics)}, not {', '.join(sorted(missing))}")
    sign = -1 if search.mode == "max" else 1
    return sign * measurement.metrics[search.metric], sign * measurement.metrics[search.tie_breaker]


def promote(trials: Sequence[Trial], search: SearchParams, rung: int) -> list[Trial]:
    """Give the best trials of the rung before the budget of this one; failed ones fill it where there are not enough.

    Raises:
        StartAnewError: If every trial has failed.
    """
    check_some_done(trials)
    # A trial that failed in a later rung keeps its earlier score, but cannot go on.
    able = [trial for trial in trials if trial.status == "done"]
    best = (rank_trials(able, search) + [trial for trial in trials if trial not in able])[: search.survivors[rung]]
    budget = search.budget(rung)
    return [replace(trial, budget=budget, status="waiting") if trial.status == "done" else trial for trial in best]


def check_some_done(trials: Sequence[Trial]) -> None:
    """Refuse to go on when every trial has failed, naming the errors.

    Raises:
        StartAnewError: If so.
    """
    if any(trial.status == "done" for trial in trials):
        return
    errors = sorted({trial.error for trial in trials if trial.error})
    said = "; ".join(errors[:5])
    raise StartAnewError(f"all {len(trials)} trials failed: {said}. Once that is mended, {START_ANEW}")
