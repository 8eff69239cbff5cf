"""A job of Azure ML as it is at one moment; a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

__all__ = ["HEADS", "JobView", "StepView", "list_cells"]

HEADS = ("step", "state", "cluster", "nodes", "time", "figures", "last line of the log")
_ENDED = frozenset({"Completed", "Failed", "Canceled", "NotResponding"})
_MOST_METRICS = 3


@dataclass(frozen=True)
class StepView:
    """A step of a job.

    Attributes:
        name: Of the node.
        state: As Azure ML calls it; `Waiting` before it is submitted.
        cluster: Where it runs.
        nodes: Machines it takes.
        duration: Since its start, or until its end; nothing before.
        progress: The last line of its log: epochs, frames, trials.
        metrics: Figures so far.
    """

    name: str
    state: str
    cluster: str = ""
    nodes: int = 1
    duration: timedelta | None = None
    progress: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JobView:
    """A job.

    Attributes:
        name: Its name.
        title: The pipeline.
        state: As Azure ML calls it.
        address: Its page in the studio.
        steps: In the order in which they began; then those that wait.
    """

    name: str
    title: str
    state: str
    address: str
    steps: tuple[StepView, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in _ENDED

    def _repr_html_(self) -> str:
        """Write it as a table, for a notebook; everything in it is escaped."""
        rows = "".join(_row("td", list_cells(step)) for step in self.steps)
        address, name = html.escape(self.address, quote=True), html.escape(self.name)
        link = f'<a href="{address}">{name}</a>' if address.startswith("https://") else name
        head = f"<b>{html.escape(self.title)}</b> {link}: {html.escape(self.state)}"
        return f"<div>{head}<table><thead>{_row('th', HEADS)}</thead><tbody>{rows}</tbody></table></div>"


def list_cells(step: StepView) -> tuple[str, ...]:
    """Write what is under each of `HEADS`."""
    figures = [f"{name} {value:.4g}" for name, value in sorted(step.metrics.items())]
    more = f" and {len(figures) - _MOST_METRICS} more" if len(figures) > _MOST_METRICS else ""
    time_taken = "" if step.duration is None else _write_duration(step.duration)
    return (
        *(step.name, step.state, step.cluster, str(step.nodes), time_taken),
        *(", ".join(figures[:_MOST_METRICS]) + more, step.progress),
    )


def _write_duration(duration: timedelta) -> str:
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _row(cell: str, texts: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{cell}>{html.escape(text)}</{cell}>" for text in texts) + "</tr>"
