"""The probability of a match as plotly figures."""

import pandas as pd
import plotly.graph_objects as go

from triptych.faq.evaluation.probabilities import bin_probabilities, summarize_probabilities, trace_coverage

_BLUE, _GREY, _ORANGE = "#1b6ca8", "#9aa5b1", "#e0a030"
_MOST_POINTS = 500


def plot_reliability(table: pd.DataFrame) -> go.Figure:
    """Draw how many matches of a probability are right: on the diagonal, as many as it says.

    Args:
        table: As `estimate_fold` gives it.
    """
    bins, figures = bin_probabilities(table), summarize_probabilities(table)
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="as it says", line={"color": _GREY, "dash": "dash"})
    )
    figure.add_trace(
        go.Scatter(
            x=bins["probability"].tolist(),
            y=bins["right"].tolist(),
            mode="markers+lines",
            name="first candidates",
            marker={"color": _BLUE, "size": (8 + 30 * bins["weight"] / bins["weight"].sum()).tolist()},
            customdata=bins["questions"].tolist(),
            hovertemplate="said %{x:.2f}, right %{y:.2f}, %{customdata} questions<extra></extra>",
        )
    )
    title = (
        f"Said and true: calibration error {figures['probability.ece']:.3f}, "
        f"Brier score {figures['probability.brier']:.3f}"
    )
    return _lay_out(figure, title, "probability of a match", "share that is right")


def plot_coverage(table: pd.DataFrame) -> go.Figure:
    """Draw precision, and the share of right ones kept, against coverage, with the threshold's place.

    Args:
        table: As `estimate_fold` gives it.
    """
    curve, figures = trace_coverage(table), summarize_probabilities(table)
    curve = curve.iloc[:: len(curve) // _MOST_POINTS + 1]
    figure = go.Figure()
    for column, name, colour in (("precision", "precision", _BLUE), ("right_kept", "right ones kept", _ORANGE)):
        figure.add_trace(
            go.Scatter(
                x=curve["coverage"].tolist(),
                y=curve[column].tolist(),
                mode="lines",
                name=name,
                line={"color": colour},
                customdata=curve["threshold"].tolist(),
                hovertemplate=f"{name} %{{y:.2f}}, coverage %{{x:.2f}}, threshold %{{customdata:.2f}}<extra></extra>",
            )
        )
    figure.add_vline(x=figures["probability.coverage"], line={"color": _GREY, "dash": "dot"})
    title = (
        f"What a threshold costs: at {figures['probability.threshold']:.2f} (dotted), "
        f"{figures['probability.precision']:.0%} of the matches are right"
    )
    return _lay_out(figure, title, "coverage: share of the questions that get a match", "share")


def _lay_out(figure: go.Figure, title: str, across: str, up: str) -> go.Figure:
    grid = {"range": [0, 1.02], "gridcolor": "rgba(128, 128, 128, 0.3)"}
    figure.update_xaxes(title=across, **grid)
    figure.update_yaxes(title=up, **grid)
    figure.update_layout(
        title={"text": title, "font": {"size": 14}}, template="plotly_white", legend={"orientation": "h", "y": -0.2}
    )
    return figure
