"""The search as a table and three plots."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import pandas as pd
import plotly.graph_objects as go

from triptych.log_levels import errors_only
from triptych.tuning.params import SearchParams
from triptych.tuning.rungs import best_measurement, rank_trials
from triptych.tuning.study import make_study
from triptych.tuning.trials import Trial


def latest(trials: Iterable[Trial]) -> list[Trial]:
    """Keep, of each trial, the state that got furthest."""
    furthest: dict[int, Trial] = {}
    for trial in trials:
        known = furthest.get(trial.number)
        if known is None or len(trial.history) > len(known.history):
            furthest[trial.number] = trial
    return [furthest[number] for number in sorted(furthest)]


def tabulate_trials(trials: Sequence[Trial], search: SearchParams) -> pd.DataFrame:
    """Tabulate trials, best first.

    Returns:
        Columns `place`, `trial`, `status`, `budget` (used up), `best_budget` (at which it scored best), `seconds`,
        each metric at `best_budget`, each hyperparameter, `error`.
    """
    rows = []
    for place, trial in enumerate(rank_trials(trials, search), start=1):
        best = best_measurement(trial, search) if trial.measured else None
        rows.append(
            {
                "place": place,
                "trial": trial.number,
                "status": trial.status,
                "budget": trial.history[-1].budget if trial.history else 0,
                "best_budget": best.budget if best else 0,
                "seconds": round(trial.seconds, 3),
                **(best.metrics if best else {}),
                **{name: trial.config.get(name) for name in sorted(search.space)},
                "error": trial.error,
            }
        )
    table = pd.DataFrame(rows)
    return table[[*(column for column in table.columns if column != "error"), "error"]]


def plot_search(trials: Sequence[Trial], search: SearchParams) -> tuple[go.Figure, go.Figure, go.Figure]:
    """Draw the trials that have scored.

    Returns:
        Each configuration as a line through its hyperparameters to its metric, each trial's metric over its budget, and
        what each hyperparameter has to do with being among the best (PED-ANOVA).
    """
    from optuna import visualization
    from optuna.importance import PedAnovaImportanceEvaluator

    study = make_study(search, trials)
    with errors_only("optuna"), warnings.catch_warnings():  # of too few trials, which the plots show as well
        warnings.simplefilter("ignore")
        configurations = visualization.plot_parallel_coordinate(study, target_name=search.metric)
        budgets = visualization.plot_intermediate_values(study)
        importances = visualization.plot_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(), target_name=search.metric
        )
    budgets.update_xaxes(title="budget", type="log").update_yaxes(title=search.metric)
    for figure in (configurations, budgets, importances):
        figure.update_layout(title=None)  # kedro-viz would draw it over the labels, and names the dataset anyway
    return configurations, budgets, importances
