"""After every run: how long each node took, and after a failed one the command that goes on."""

from __future__ import annotations

import atexit
import logging
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from triptych.hooks.journal import NodeTimes, close_journal, note, open_journal, read_journal
from triptych.hooks.resume import nodes_to_resume_from, resume_command

_logger = logging.getLogger(__name__)
# How to resume, without the options of the run (ours follows it); and how to load in threads.
_KEDROS_ADVICE = re.compile(r"No nodes ran\.|There are \d+ nodes that have not run|Using synchronous mode")
_RUNNERS = ("sequential_runner", "parallel_runner", "thread_runner")


@dataclass(frozen=True)
class _Run:
    journal: Path
    started: float
    run_params: Mapping[str, Any]
    pipeline: Pipeline
    catalog: DataCatalog
    completed: set[str] = field(default_factory=set)
    """Nodes the runner said are done; all there is where worker processes start without hooks (macOS)."""


class RunReport:
    """Times nodes from the loading of their inputs to the saving of their outputs, in any runner."""

    def __init__(self) -> None:
        self._run: _Run | None = None

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start the clock.

        Args:
            run_params: Options of the run.
            pipeline: The pipeline that is about to run.
            catalog: The catalog of the run.
        """
        self._run = _Run(open_journal(), time.time(), run_params, pipeline, catalog)
        for runner in _RUNNERS:
            logging.getLogger(f"kedro.runner.{runner}").addFilter(self._listen)
        # Kedro tells hooks nothing of an interruption from the keyboard.
        atexit.register(self._stop)

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """Note that a node starts by loading.

        Args:
            node: The node at work.
        """
        note(node)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Note that a node's function starts.

        Args:
            node: The node at work.
        """
        note(node)
        _logger.info("Running %s", node.name)

    @hook_impl(trylast=True)
    def after_node_run(self, node: Node) -> None:
        """Note that a node's function has returned.

        Args:
            node: The node at work.
        """
        note(node, "")

    @hook_impl(trylast=True)
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Note that an output is saved.

        Args:
            dataset_name: The output.
            node: The node at work.
        """
        note(node, dataset_name)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Log the table of a run that succeeded."""
        self._stop()

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Log the table of a run that failed and the command that goes on.

        Args:
            error: What stopped the run; the command is added to it as a note, which Python prints last.
        """
        command = self._stop()
        if command and hasattr(error, "add_note"):  # Python 3.11
            error.add_note(f"Once the cause is mended, go on from there with:\n{command}")

    def _listen(self, record: logging.LogRecord) -> bool:
        """Note what the runner completes, and keep its own advice out of the log."""
        if record.msg == "Completed node: %s" and self._run and isinstance(record.args, tuple):
            self._run.completed.add(str(record.args[0]))
        return not _KEDROS_ADVICE.match(record.getMessage())

    def _stop(self) -> str | None:
        """Log the report of the run in progress, if there is one, and return the command that goes on."""
        run, self._run = self._run, None
        if run is None:
            return None
        atexit.unregister(self._stop)
        ended = time.time()
        times = read_journal(run.journal)
        close_journal(run.journal)
        nodes = {node.name: node for node in run.pipeline.nodes}
        finished = {name for name, entry in times.items() if name in nodes and entry.finished(nodes[name])}
        finished |= run.completed
        _logger.info("Time by node:\n%s", timing_table(times, finished, run.started, ended))
        if run.run_params.get("only_missing_outputs"):
            # Nodes that were left out on purpose have no entry; the option leaves them out again.
            finished |= {name for name in nodes if name not in times and _is_there(nodes[name], run.catalog)}
        from_nodes = nodes_to_resume_from(run.pipeline, finished, run.catalog)
        if not from_nodes:
            return None
        command = resume_command(run.run_params, from_nodes)
        done = f"{len(finished)} of {len(nodes)} nodes are done"
        _logger.error("%s. Once the cause is mended, go on from there with:\n%s", done, command)
        return command


def timing_table(times: Mapping[str, NodeTimes], finished: Collection[str], started: float, ended: float) -> str:
    """Lay out the seconds of each node and their share of the whole run.

    Args:
        times: What the journal holds, by node name.
        finished: Names of the nodes that are done; the others are marked, and counted up to the end.
        started: Start of the run, seconds since the epoch.
        ended: End of the run, later than its start.

    Returns:
        One line a node in order of start, and the total; columns aligned.
    """
    total_s = ended - started
    rows = [
        (name, entry.seconds, "") if name in finished else (name, ended - entry.started, "  not finished")
        for name, entry in times.items()
    ]
    width = max(len(name) for name in ["total", *times, *finished])
    lines = [
        f"  {name:<{width}}  {seconds:>9.1f} s  {seconds / total_s:>6.1%}{mark}"
        for name, seconds, mark in [*rows, ("total", total_s, "")]
    ]
    unseen = [f"  {name:<{width}}          -" for name in sorted(set(finished) - times.keys())]
    return "\n".join(unseen + lines)


def _is_there(node: Node, catalog: DataCatalog) -> bool:
    return bool(node.outputs) and all(catalog.exists(output) for output in node.outputs)
