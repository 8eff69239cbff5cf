"""The search as a table and two plots."""

import pandas as pd
import plotly.graph_objects as go

from triptych.tuning.params import SearchParams
from triptych.tuning.rungs import best_measurement, rank_trials
from triptych.tuning.trials import Trial


def latest(trials: tuple[Trial, ...]) -> list[Trial]:
    """Keep, of each trial, the state that got furthest."""
    furthest: dict[int, Trial] = {}
    for trial in trials:
        known = furthest.get(trial.number)
        if known is None or len(trial.history) > len(known.history):
            furthest[trial.number] = trial
    return [furthest[number] for number in sorted(furthest)]


def tabulate_trials(trials: list[Trial], search: SearchParams) -> pd.DataFrame:
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


def plot_configurations(table: pd.DataFrame, search: SearchParams) -> go.Figure:
    """Draw every finished trial as a line through its hyperparameters to its metric (parallel coordinates)."""
    done = table[table["best_budget"] > 0]
    dimensions = [_axis(done[name], name) for name in [*sorted(search.space), "best_budget", search.metric]]
    line = {"color": done[search.metric], "colorscale": "Viridis", "showscale": True}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line))
    # No title: kedro-viz would draw it over the labels, and names the dataset anyway.
    return figure.update_layout(margin={"l": 80, "r": 60, "t": 60})


def _axis(values: pd.Series, name: str) -> dict[str, object]:
    numbers = pd.to_numeric(values, errors="coerce")
    # Beside trials that have none, true and false are objects, which to_numeric takes for numbers.
    if numbers.notna().all() and not values.map(pd.api.types.is_bool).any():
        return {"label": name, "values": numbers.astype(float).tolist()}
    codes, labels = pd.factorize(values.astype(str), sort=True)
    ticks = list(range(len(labels)))
    return {"label": name, "values": codes.tolist(), "tickvals": ticks, "ticktext": labels.tolist()}


def plot_budget_curves(trials: list[Trial], search: SearchParams) -> go.Figure:
    """Draw each trial's metric over the budget it had used up."""
    figure = go.Figure()
    for trial in trials:
        points = [m for m in trial.history if search.metric in m.metrics]
        figure.add_trace(
            go.Scatter(
                x=[m.budget for m in points],
                y=[m.metrics[search.metric] for m in points],
                mode="lines+markers",
                name=f"trial {trial.number}",
                hovertext=str(trial.config),
            )
        )
    figure.update_xaxes(title="budget", type="log")
    figure.update_yaxes(title=search.metric)
    return figure.update_layout(title="Metric over budget", template="plotly_white", showlegend=len(trials) <= 20)
