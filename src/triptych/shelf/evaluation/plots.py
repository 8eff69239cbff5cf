"""The training and the evaluation as plotly figures. plotly is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLOURS = {"box": "#1b6ca8", "mask": "#e0a030"}
_GRID = "rgba(128, 128, 128, 0.3)"
_PARTS = {
    "loss": ("all", "#1b6ca8"),
    "loss_classifier": ("classes", "#5fa55a"),
    "loss_box_reg": ("boxes", "#e0a030"),
    "loss_mask": ("masks", "#b05aa0"),
    "loss_objectness": ("objectness of proposals", "#9aa5b1"),
    "loss_rpn_box_reg": ("boxes of proposals", "#6b5b4d"),
    "validation_loss": ("all, on validation photos", "#1b6ca8"),
}
_WIDTHS = {"box": 4, "mask": 2}  # where both lie on each other, both are seen
_DASHES = {0.5: "solid", 0.75: "dot"}


def plot_precision_recall(curves: pd.DataFrame, metrics: dict[str, float]) -> go.Figure:
    """Draw precision over recall, a line for each kind and overlap.

    Args:
        curves: As `trace_precision_recall` gives them.
        metrics: `test.precision`, `test.recall` and `test.score_threshold` of the detections that are believed,
            drawn as a point.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for key, curve in curves.groupby(["kind", "iou"], sort=False):
        kind, iou = str(key[0]), float(curve["iou"].iloc[0])
        figure.add_scatter(
            x=curve["recall"].tolist(),
            y=curve["precision"].tolist(),
            customdata=curve["score"].tolist(),
            name=f"{kind}, IoU {iou:g}",
            line={"color": _COLOURS[kind], "dash": _DASHES[iou], "width": _WIDTHS[kind]},
            hovertemplate="recall %{x:.0%}<br>precision %{y:.1%}<br>score from %{customdata:.2f}",
        )
    figure.add_scatter(
        x=[metrics["test.recall"]],
        y=[metrics["test.precision"]],
        mode="markers",
        name=f"box, score from {metrics['test.score_threshold']:.2f}",
        marker={"color": _COLOURS["box"], "size": 11, "line": {"color": "white", "width": 2}},
        hovertemplate="recall %{x:.1%}<br>precision %{y:.1%}",
    )
    figure.update_xaxes(title="recall", range=[0, 1.01], tickformat=".0%", dtick=0.25, showgrid=False)
    figure.update_yaxes(title="precision", range=[0, 1.02], tickformat=".0%", dtick=0.25, gridcolor=_GRID)
    return _lay_out(figure)


def plot_training(log: pd.DataFrame) -> go.Figure:
    """Draw the losses, and below them the average precision on the validation photos, over the epochs.

    Args:
        log: Columns `epoch`, `loss`, `loss_<part>`, `validation_loss`, and the validation metrics (`box.map`
            and so on), which are missing in epochs without a validation.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.55, 0.45])
    for column in [name for name in log.columns if name.startswith(("loss", "validation_loss"))]:
        name, colour = _PARTS.get(column, (column.removeprefix("loss_"), "#444444"))
        dash = "dash" if column == "validation_loss" else "solid"
        _add_line(figure, 1, log[["epoch", column]].dropna(), name, {"color": colour, "dash": dash}, "loss")
    for kind, colour in _COLOURS.items():
        for metric, name, dash in (("map", "AP", "solid"), ("map_50", "AP50", "dash"), ("map_75", "AP75", "dot")):
            if f"{kind}.{metric}" in log.columns:
                rows = log[["epoch", f"{kind}.{metric}"]].dropna()
                _add_line(figure, 2, rows, f"{kind} {name}", {"color": colour, "dash": dash}, "precision")
    figure.update_xaxes(showgrid=False)
    figure.update_xaxes(title="epoch", row=2, col=1)
    figure.update_yaxes(gridcolor=_GRID)
    figure.update_yaxes(title="loss", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="average precision", range=[0, 1.02], tickformat=".0%", row=2, col=1)
    return _lay_out(figure).update_layout(legend={"tracegroupgap": 40})


def _add_line(figure: go.Figure, row: int, rows: pd.DataFrame, name: str, line: dict[str, str], group: str) -> None:
    """Draw a line; a single point is one that can be seen."""
    x, y = rows.iloc[:, 0].tolist(), rows.iloc[:, 1].tolist()
    mode = "lines+markers" if row == 2 or len(x) == 1 else "lines"
    style = {"mode": mode, "line": line | {"width": 2}, "legendgroup": group}
    figure.add_scatter(x=x, y=y, name=name, row=row, col=1, **style)


def _lay_out(figure: go.Figure) -> go.Figure:
    return figure.update_layout(template="plotly_white", margin={"t": 30, "r": 20})
