"""The nodes of a search; the workload brings the one that trains a trial."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from triptych.tuning.leaderboard import latest, plot_budget_curves, plot_configurations, tabulate_trials
from triptych.tuning.params import SearchParams
from triptych.tuning.plan import SearchPlan
from triptych.tuning.rungs import best_measurement, check_some_done, promote, rank_trials
from triptych.tuning.space import draw_configurations, list_grid
from triptych.tuning.trials import Trial


def sample_trials(search: SearchParams, *, plan: SearchPlan) -> list[Trial]:
    """Draw the configurations of the first rung.

    Raises:
        ValueError: If a grid has more configurations than the plan has trials, or a rung would bring no more budget
            than the one before.
    """
    least = plan.eta ** (plan.rungs - 1)
    if search.max_budget < least:
        raise ValueError(
            f"max_budget must be at least {least} for the plan in settings.py ({plan.rungs} rungs, each "
            f"{plan.eta} times the budget), got {search.max_budget}"
        )
    if search.method == "grid":
        configurations = list_grid(search.space)
        if len(configurations) > plan.trials:
            raise ValueError(
                f"the grid has {len(configurations)} configurations, the plan in settings.py {plan.trials} trials: "
                "raise its trials, or shrink the space"
            )
    else:
        configurations = draw_configurations(search.space, plan.trials, search.seed)
    described = json.dumps([search.model_dump(), asdict(plan)], sort_keys=True, default=str)
    fingerprint = hashlib.sha256(described.encode()).hexdigest()[:16]
    budget = plan.budget(0, search.max_budget)
    trials = [Trial(number, fingerprint, config, budget) for number, config in enumerate(configurations)]
    unused = range(len(trials), plan.trials)
    return trials + [Trial(number, fingerprint, {}, budget, status="unused") for number in unused]


def promote_rung(search: SearchParams, *trials: Trial, plan: SearchPlan, rung: int) -> list[Trial]:
    """Send the best trials of a rung, with their checkpoints, into the next.

    Raises:
        ValueError: If every trial has failed.
    """
    return promote(trials, search, plan.sizes[rung], plan.budget(rung, search.max_budget))


def select_best(search: SearchParams, *trials: Trial) -> tuple[dict[str, Any], pd.DataFrame, go.Figure, go.Figure]:
    """Choose the best configuration and report the search.

    Args:
        search: What was searched.
        trials: The trials at the end of every rung.

    Returns:
        The best configuration with its figures, the leaderboard, and plots of configurations and budgets.

    Raises:
        ValueError: If every trial has failed.
    """
    furthest = latest(trials)
    check_some_done(furthest)
    best = rank_trials(furthest, search)[0]
    measured = best_measurement(best, search)
    table = tabulate_trials(furthest, search)
    summary = {
        "config": best.config | measured.chosen,
        "trial": best.number,
        "budget": measured.budget,
        "metrics": measured.metrics,
        "trials": len(furthest),
        "trials_failed": sum(trial.status == "failed" for trial in furthest),
        "trial_seconds": sum(trial.seconds for trial in furthest),
        "search": best.search,
    }
    return summary, table, plot_configurations(table, search), plot_budget_curves(furthest, search)
