"""A workload without a model: its trials count steps towards a parabola's top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline

from triptych.tuning.nodes import Place, take_share
from triptych.tuning.params import SearchParams
from triptych.tuning.pipeline import create_search, use_parameters
from triptych.tuning.space import Dimension
from triptych.tuning.trials import Measurement, Outcome, Status, Trial, TrialBatch

SPACE = {"x": Dimension(kind="uniform", low=0.0, high=1.0)}


def search_params(**changes: Any) -> SearchParams:
    """Give parameters of a search with nine trials on three rungs, in three slots."""
    given: dict[str, Any] = {"trials": 9, "rungs": 3, "eta": 3, "slots": 3, "max_budget": 9, "space": SPACE}
    return SearchParams(**{"metric": "score", "tie_breaker": "second", **given, **changes})


def make_trial(number: int, *scores: float | None, status: Status = "done", **changes: Any) -> Trial:
    """Make a trial with a measurement a score, at budgets 1, 2, ...; None is a rung that failed."""
    history = tuple(
        Measurement(budget, {} if score is None else {"score": score, "second": 0.0}, 1.0)
        for budget, score in enumerate(scores, start=1)
    )
    error = "ValueError: broken" if status == "failed" else ""
    given: dict[str, Any] = {"history": history, "status": status, "error": error, "budget": len(scores)}
    return Trial(**{"number": number, "search": "s", "data": "d", "config": {"x": number / 10}, **given, **changes})


def count_steps(config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
    """Go on counting from the checkpoint; a large x breaks, and the score grows with the steps."""
    if config["x"] > 0.8:
        raise MemoryError("x is too large")
    done = json.loads((checkpoint / "steps.json").read_text()) if checkpoint else []
    steps = [*done, budget - sum(done)]
    (folder / "steps.json").write_text(json.dumps(steps))
    score = -((config["x"] - 0.5) ** 2) - 1 / sum(steps)
    return Outcome({"score": score, "second": 0.0, "steps": sum(steps), "rungs": len(steps)}, {"steps": sum(steps)})


def run_counting_trials(search: SearchParams, *before: list[Trial], place: Place) -> TrialBatch:
    return take_share(search, place, before, "d", count_steps)


def run_breaking_trials(search: SearchParams, *before: list[Trial], place: Place) -> TrialBatch:
    def fail(config: dict[str, Any], *_: Any) -> Outcome:
        raise ValueError(f"no luck with {config['x']:.1f}")

    return take_share(search, place, before, "d", fail)


def make_pipeline(run_trials: Any, search: SearchParams) -> Pipeline:
    """Wire a search of the shape that its parameters ask for."""
    use_parameters({"toys": {"toy_search": search}})
    try:
        return Pipeline(create_search("toys", "toy", SearchParams, run_trials, []))
    finally:
        use_parameters({})
