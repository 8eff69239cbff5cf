"""After every run: how long each node took, and after a failed one the command that goes on."""

from __future__ import annotations

import atexit
import inspect
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from triptych.errors import StartAnewError
from triptych.hooks.resume import command_line, nodes_to_resume_from, resume_command
from triptych.node_tags import VERDICT

_logger = logging.getLogger(__name__)
_JOURNAL = "TRIPTYCH_RUN_JOURNAL"  # names the file in which all processes of a run note what they do
_Event = tuple[str, float, str | None]  # a node, when (seconds since the epoch), and what: see `_note`


class RunReport:
    """Times nodes from the loading of their inputs to the saving of their outputs, in any runner."""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start the clock."""
        self._run = time.time(), command_line(), run_params, pipeline, catalog
        self._journal = Path(tempfile.mkdtemp(prefix="triptych-run-")) / "journal.jsonl"
        self._journal.touch()
        os.environ[_JOURNAL] = str(self._journal)
        for name in ("sequential_runner", "parallel_runner", "thread_runner"):
            logging.getLogger(f"kedro.runner.{name}").addFilter(_is_no_advice)
        # Kedro tells hooks nothing of an interruption from the keyboard.
        atexit.register(self._report)

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """Note that a node starts by loading."""
        _note(node)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Note that a node's function starts."""
        _note(node)
        _logger.info("Running %s", node.name)

    @hook_impl(trylast=True)
    def after_node_run(self, node: Node) -> None:
        """Note that a node's function has returned."""
        _note(node, "")

    @hook_impl(trylast=True)
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Note that an output is saved."""
        _note(node, dataset_name)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Log the table of a run that succeeded."""
        self._report(succeeded=True)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Log the table of a run that failed and how to go on, which Python prints last as a note of the exception."""
        advice = self._report(goes_on=not _starts_anew(error))
        if advice and hasattr(error, "add_note"):  # Python 3.11
            error.add_note(advice)

    def _report(self, succeeded: bool = False, goes_on: bool = True) -> str | None:
        """Log how the run went, and return how to go on if it has not come to its end, and can."""
        atexit.unregister(self._report)
        started, words, run_params, pipeline, catalog = self._run
        events: list[_Event] = [json.loads(line) for line in self._journal.read_text().splitlines()]
        shutil.rmtree(self._journal.parent)
        os.environ.pop(_JOURNAL, None)
        finished = {node.name for node in pipeline.nodes if succeeded or _is_finished(node, events)}
        _logger.info("Time by node:\n%s", timing_table(events, finished, started, time.time()))
        from_nodes = nodes_to_resume_from(pipeline, finished, catalog)
        if (
            not goes_on
            or not from_nodes
            or all(node.tags & VERDICT for node in pipeline.nodes if node.name not in finished)
        ):
            return None
        command = resume_command(words, run_params, from_nodes)
        advice = f"Once the cause is mended, go on from there with:\n{command}"
        counts = f"{len(finished)} of {len(pipeline.nodes)} nodes are done. " if events else ""
        _logger.error("%s%s", counts, advice)
        return advice


def _starts_anew(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it wraps, says that the run has to start anew."""
    return error is not None and (isinstance(error, StartAnewError) or _starts_anew(error.__cause__))


def _note(node: Node, done: str | None = None) -> None:
    """Note that a node starts, that its function has returned (an empty text), or which output is saved."""
    if path := os.environ.get(_JOURNAL):
        with Path(path).open("a") as file:  # one short write in append mode is not torn by other processes
            file.write(json.dumps([node.name, time.time(), done]) + "\n")


def _is_finished(node: Node, events: Sequence[_Event]) -> bool:
    """Tell whether a node's function has returned and all is saved; of a generator nobody says when it ends."""
    done = {done for name, _, done in events if name == node.name}
    return done >= {"", *node.outputs} and not inspect.isgeneratorfunction(node.func)


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Keep out how to resume without the options of the run (ours has them), and how to load in threads."""
    return record.funcName != "_suggest_resume_scenario" and not record.name.endswith(f".{record.module}")


def timing_table(events: Sequence[_Event], finished: Collection[str], started: float, ended: float) -> str:
    """Lay out the seconds of each node and their share of the whole run.

    Args:
        events: What was noted of the nodes, in order.
        finished: Names of the nodes that are done; the others are marked, and counted up to the end.
        started: Start of the run, seconds since the epoch.
        ended: End of the run, later than its start.

    Returns:
        One line a node in order of start, and the total; columns aligned.
    """
    first = {name: moment for name, moment, _ in reversed(events)}
    last = {name: moment if name in finished else ended for name, moment, _ in events}
    rows = [(name, last[name] - first[name], "" if name in finished else "  not finished") for name in last]
    width = max(len(name) for name in ["total", *last])
    return "\n".join(
        f"  {name:<{width}}  {seconds:>9.1f} s  {seconds / (ended - started):>6.1%}{mark}"
        for name, seconds, mark in [*rows, ("total", ended - started, "")]
    )
