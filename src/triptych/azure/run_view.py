"""A job of Azure ML in a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from triptych.azure.job_view import HEADS, JobView, list_cells

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["follow", "to_table"]

_COLOURS = {"Completed": "green", "Running": "blue", "Failed": "red", "Canceled": "yellow", "NotResponding": "red"}


def to_table(job: JobView) -> Table:
    """Draw a job for a terminal.

    Args:
        job: What is drawn.
    """
    from rich.table import Table
    from rich.text import Text

    done = sum(step.state == "Completed" for step in job.steps)
    title = Text(f"{job.title} ({job.name}): {job.state}, {done} of {len(job.steps)} steps done")
    table = Table(title=title, title_justify="left", caption=Text(job.address), caption_justify="left")
    for head in HEADS:
        table.add_column(
            head, justify="right" if head in ("nodes", "time") else "left", no_wrap=head in ("state", "time")
        )
    for step in job.steps:
        # Text, not markup: names, figures and logs are anybody's, and may hold brackets.
        cells = [Text(cell) for cell in list_cells(step)]
        cells[1].stylize(_COLOURS.get(step.state, "default"))
        table.add_row(*cells)
    return table


_MOST_LOST = 10
"""Answers in a row that may fail before following a job ends."""


def follow(read: Callable[[], JobView], console: Any, every_s: float) -> JobView:
    """Show a job until it ends.

    Args:
        read: Asks for its state.
        console: Of rich. What is no terminal gets a table whenever a state changes, not a screen.
        every_s: Seconds between two looks.

    Returns:
        The last state.

    Raises:
        AzureError: If the first answer fails, or many in a row.
    """
    from rich.live import Live

    read = _keep_asking(read)
    job = read()
    if not console.is_terminal:
        return _print_changes(job, read, console, every_s)
    with Live(to_table(job), console=console, auto_refresh=False) as screen:
        while not job.ended:
            time.sleep(every_s)
            job = read()
            screen.update(to_table(job), refresh=True)
    return job


def _keep_asking(read: Callable[[], JobView]) -> Callable[[], JobView]:
    """Let the last state stand for an answer that fails: who asks for hours does not get every one."""
    from azure.core.exceptions import AzureError

    seen: list[JobView] = []
    lost = 0

    def ask() -> JobView:
        nonlocal lost
        try:
            seen[:] = [read()]
            lost = 0
        except AzureError:
            lost += 1
            if not seen or lost > _MOST_LOST:
                raise
        return seen[0]

    return ask


def _print_changes(job: JobView, read: Callable[[], JobView], console: Any, every_s: float) -> JobView:
    shown = None
    while True:
        states = [job.state, *(step.state for step in job.steps)]
        if states != shown:
            console.print(to_table(job))
        shown = states
        if job.ended:
            return job
        time.sleep(every_s)
        job = read()
