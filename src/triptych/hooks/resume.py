"""Say how to go on from where a run stopped.

Not by `--only-missing-outputs`: what an earlier run left in the same place would pass for results of this one.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from triptych.hooks.azure_catalog import is_azure_step


def nodes_to_resume_from(pipeline: Pipeline, finished: Collection[str], catalog: DataCatalog) -> list[str]:
    """Find the earliest nodes that have to run again.

    Those are the unfinished ones, and finished ones that feed them, or what comes after them, through a dataset that
    is in memory only.

    Args:
        pipeline: The pipeline of the run, filtered by its options.
        finished: Names of the nodes that are done.
        catalog: The catalog of the run.

    Returns:
        Names for `--from-nodes`, sorted; empty if every node is done.
    """
    again = {node.name for node in pipeline.nodes} - set(finished)
    while again:
        # What comes after them runs again too, and needs its inputs as well.
        rerun = pipeline.from_nodes(*again)
        needed = rerun.inputs() & pipeline.all_outputs()
        lost = [name for name in needed if name not in catalog or getattr(catalog.get(name), "_EPHEMERAL", False)]
        if not lost:
            return sorted(node.name for node in rerun.grouped_nodes[0])
        again |= {node.name for node in pipeline.only_nodes_with_outputs(*lost).nodes}
    return []


def command_line() -> list[str]:
    """Return the words that started this process; none if its run is not that of a command, as in a notebook."""
    context = click.get_current_context(silent=True)
    if context is None or "from_nodes" not in context.params:
        return []
    called = Path(sys.argv[0])
    if called.stem == "__main__":  # python -m kedro
        return [called.parent.name, *sys.argv[1:]]
    return [called.name if shutil.which(called.name) == sys.argv[0] else sys.argv[0], *sys.argv[1:]]


def resume_command(words: Sequence[str], run_params: Mapping[str, Any], from_nodes: Sequence[str]) -> str:
    """Write a command that can be pasted into a shell.

    Args:
        words: What `command_line` returned when the run started.
        run_params: What Kedro tells hooks of the run.
        from_nodes: Names from `nodes_to_resume_from`.

    Returns:
        The same command with `--from-nodes`; for a step of Azure ML the one that submits the job again; for a run that
        no command started the call in Python.
    """
    if is_azure_step(run_params):
        # The whole job: Azure reuses steps that are deterministic, the others go on from their work folders.
        pipelines = ",".join(run_params.get("pipeline_names") or ["__default__"])
        runtime = run_params.get("runtime_params")
        params = ["--params", json.dumps(runtime)] if runtime else []
        return shlex.join(["kedro", "azureml", "-e", run_params.get("env") or "azure", "run", "-p", pipelines, *params])
    if run_params.get("only_missing_outputs"):  # leaves out by itself what is there by now
        return shlex.join(words) or "session.run(..., only_missing_outputs=True)"
    if not words:
        return f"session.run(..., from_nodes={list(from_nodes)})"
    # The last --from-nodes counts; that of a command we wrote need not stay.
    kept = words[:-2] if words[-2:-1] == ["--from-nodes"] else words
    return shlex.join([*kept, "--from-nodes", ",".join(from_nodes)])
