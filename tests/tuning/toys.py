"""A workload without a model: its trials count steps towards a parabola's top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triptych.tuning.params import SearchParams
from triptych.tuning.space import Dimension
from triptych.tuning.trials import Measurement, Outcome, Status, Trial, run_trial

SPACE = {"x": Dimension(kind="uniform", low=0.0, high=1.0)}


def search_params(**changes: Any) -> SearchParams:
    given: dict[str, Any] = {"max_budget": 9, "metric": "score", "tie_breaker": "second", "space": SPACE}
    return SearchParams(**{**given, **changes})


def make_trial(number: int, *scores: float | None, status: Status = "done", **changes: Any) -> Trial:
    """Make a trial with a measurement a score, at budgets 1, 2, ...; None is a rung that failed."""
    history = tuple(
        Measurement(budget, {} if score is None else {"score": score, "second": 0.0}, 1.0)
        for budget, score in enumerate(scores, start=1)
    )
    error = "ValueError: broken" if status == "failed" else ""
    given: dict[str, Any] = {"history": history, "status": status, "error": error, "budget": len(scores)}
    return Trial(**{"number": number, "search": "s", "config": {"x": number / 10}, **given, **changes})


def count_steps(config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
    """Go on counting from the checkpoint; a large x breaks, and the score grows with the steps."""
    if config["x"] > 0.8:
        raise MemoryError("x is too large")
    done = json.loads((checkpoint / "steps.json").read_text()) if checkpoint else []
    steps = [*done, budget - sum(done)]
    (folder / "steps.json").write_text(json.dumps(steps))
    score = -((config["x"] - 0.5) ** 2) - 1 / sum(steps)
    return Outcome({"score": score, "second": 0.0, "steps": sum(steps), "rungs": len(steps)}, {"steps": sum(steps)})


def run_counting_trial(trial: Trial) -> Trial:
    return run_trial(trial, count_steps)


def run_breaking_trial(trial: Trial) -> Trial:
    def fail(*_: Any) -> Outcome:
        raise ValueError(f"no luck with {trial.number}")

    return run_trial(trial, fail)
