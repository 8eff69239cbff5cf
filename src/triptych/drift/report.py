"""What a comparison found, as metrics, a picture and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np
import pandas as pd

from triptych.drift.comparison import count_bins, hide_infinite

if TYPE_CHECKING:
    import plotly.graph_objects as go

EXIT_CODE = 3
_BLUE, _ORANGE = "#1b6ca8", "#e0a030"
_BARS = 20
_LEFT_OUT = 0.01  # of either side at either end
_COLUMNS = 3


class DriftError(click.exceptions.Exit):
    """What was asked differs from what the model was made for; the message says in what.

    A run that it ends exits with 3, so that a schedule can tell drift from a fault (1).
    """

    def __init__(self, message: str) -> None:
        super().__init__(EXIT_CODE)
        self.args = (message,)


def flatten_drift(table: pd.DataFrame, requests: int, repeats: int = 0) -> dict[str, float]:
    """List the figures of a comparison by name, for MLflow.

    Args:
        table: What `compare_samples` gave.
        requests: How many were compared.
        repeats: How many were not, as they are the same as one that was.
    """
    counts = {"requests": requests, "repeats": repeats, "measures": table["is_drift"].sum()}
    metrics = {f"drift.{name}": float(count) for name, count in counts.items()}
    for row in table.itertuples():
        metrics |= {
            f"drift.{row.measure}.{name}": float(getattr(row, name))
            for name in ("requests_mean", "psi", "jensen_shannon", "adjusted_p")
        }
    return metrics


def judge_drift(table: pd.DataFrame) -> None:
    """Raise if any measure has drifted.

    Args:
        table: What `compare_samples` gave.

    Raises:
        DriftError: With each such measure and its means.
    """
    found = table[table["is_drift"]]
    if len(found):
        what = "; ".join(
            f"{row.measure} {row.reference_mean:.3g} before, {row.requests_mean:.3g} now (PSI {row.psi:.2f})"
            for row in found.itertuples()
        )
        raise DriftError(
            f"what is asked has drifted: {what}. Look at the report, and train with data like this, or set drift.fail "
            "to false"
        )


def plot_drift(reference: pd.DataFrame, requests: pd.DataFrame, table: pd.DataFrame) -> go.Figure:
    """Draw the distribution of each measure, before and now; the title of one that has drifted says so.

    Args:
        reference: Kept beside the model.
        requests: What was asked.
        table: What `compare_samples` gave.
    """
    from plotly.subplots import make_subplots

    shown = [name for name in table["measure"] if name in reference]
    drifted = set(table.loc[table["is_drift"], "measure"])
    titles = [f"{name}{': drift' if name in drifted else ''}" for name in shown]
    lines = max(-(-len(shown) // _COLUMNS), 1)
    figure = make_subplots(rows=lines, cols=_COLUMNS, subplot_titles=titles)
    for number, name in enumerate(shown):
        old, new = (hide_infinite(rows[name]).dropna() for rows in (reference, requests))
        for bar in _draw_bars(old, new, number == 0):
            figure.add_trace(bar, row=number // _COLUMNS + 1, col=number % _COLUMNS + 1)
    figure.update_yaxes(tickformat=".0%", gridcolor="rgba(128, 128, 128, 0.3)", rangemode="tozero")
    figure.update_layout(
        template="plotly_white",
        barmode="overlay",
        height=140 + 260 * lines,
        title={"text": "What is asked, against the reference", "font": {"size": 14}},
        legend={"orientation": "h", "y": -0.1},
    )
    return figure


def _draw_bars(reference: pd.Series, requests: pd.Series, with_legend: bool) -> list[go.Bar]:
    import plotly.graph_objects as go

    is_truth = pd.api.types.is_bool_dtype(reference.infer_objects())
    old, new = reference.to_numpy(np.float64), requests.to_numpy(np.float64)
    # What is beyond goes into the outermost bars: a single far value would leave all others to one bar.
    low = float(min(np.quantile(side, _LEFT_OUT, method="higher") for side in (old, new)))
    high = float(max(np.quantile(side, 1 - _LEFT_OUT, method="lower") for side in (old, new)))
    edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
    inner, names = (np.array([0.5]), ["no", "yes"]) if is_truth else (edges[1:-1], (edges[:-1] + edges[1:]) / 2)
    return [
        go.Bar(
            x=list(names),
            y=(count_bins(values, inner) / len(values)).tolist(),
            name=name,
            marker={"color": colour},
            opacity=0.6,
            showlegend=with_legend,
            hovertemplate="%{x:.3g}: %{y:.1%}" if not is_truth else "%{x}: %{y:.1%}",
        )
        for values, name, colour in ((old, "reference", _BLUE), (new, "asked", _ORANGE))
    ]
