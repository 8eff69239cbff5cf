"""Write the command that goes on from where a run stopped."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from omegaconf import OmegaConf

from triptych.hooks.azure_catalog import is_azure_step

# Options that `run_params` carries as lists of names.
_NAME_OPTIONS = {
    "pipeline_names": "--pipelines",
    "tags": "--tags",
    "namespaces": "--namespaces",
    "node_names": "--nodes",
    "from_inputs": "--from-inputs",
    "from_nodes": "--from-nodes",
    "to_nodes": "--to-nodes",
    "to_outputs": "--to-outputs",
}


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
    needed = {node.name for node in pipeline.nodes if node.name not in finished}
    makers = {output: node.name for node in pipeline.nodes for output in node.outputs}
    while True:
        # What comes after them runs again too, and needs its inputs as well.
        rerun = pipeline.from_nodes(*needed).nodes if needed else []
        names = {node.name for node in rerun}
        lost = {name for node in rerun for name in node.inputs if name in makers and _is_lost(name, catalog)}
        missing = {makers[name] for name in lost} - names
        if not missing:
            break
        needed |= missing
    ancestors: dict[Node, set[Node]] = pipeline.node_dependencies
    first = {node for node in pipeline.nodes if node.name in needed}
    return sorted(node.name for node in first if not _reaches(node, first, ancestors))


def resume_command(run_params: Mapping[str, Any], from_nodes: Collection[str]) -> str:
    """Write a command that can be pasted into a shell.

    Args:
        run_params: What Kedro tells hooks of the run.
        from_nodes: Names from `nodes_to_resume_from`.

    Returns:
        A `kedro run` with all options of the run, `--from-nodes` replaced; for a step of Azure ML the command that
        submits the job again.
    """
    if is_azure_step(run_params):
        return _resubmit_command(run_params)
    words = [_program(), "run", *_session_options(run_params)]
    # An explicit list of nodes can't shrink the run: --from-nodes is applied on top of it.
    options = {**run_params, "from_nodes": sorted(from_nodes)}
    for name, option in _NAME_OPTIONS.items():
        if values := options.get(name):
            words += [option, ",".join([values] if isinstance(values, str) else values)]
    if versions := run_params.get("load_versions"):
        words += ["--load-versions", ",".join(f"{name}:{version}" for name, version in versions.items())]
    if run_params.get("only_missing_outputs"):
        words.append("--only-missing-outputs")
    if runtime := run_params.get("runtime_params"):
        words += ["--params", ",".join(_assignments(runtime))]
    return shlex.join(words)


def _resubmit_command(run_params: Mapping[str, Any]) -> str:
    """Submit the whole job: Azure reuses steps that are deterministic, the others go on from their work folders."""
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
    words = ["kedro", "azureml", "-e", str(run_params.get("env") or "azure"), "run", "-p", ",".join(names)]
    if runtime := run_params.get("runtime_params"):
        words += ["--params", json.dumps(runtime)]
    return shlex.join(words)


def _session_options(run_params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options a session does not pass on to hooks; they are known where a command started it."""
    if run_params.get("env"):
        yield from ("--env", str(run_params["env"]))
    context = click.get_current_context(silent=True)
    given = context.params if context else {}
    if given.get("conf_source"):
        yield from ("--conf-source", str(given["conf_source"]))
    # Kedro records the runner as "<kedro.runner.x.ParallelRunner object at 0x...>".
    runner = given.get("runner") or str(run_params.get("runner")).partition(" object at ")[0].rpartition(".")[2]
    if runner not in ("", "None", "SequentialRunner"):
        yield from ("--runner", runner)
    runner_params = {**(given.get("runner_params") or {})}
    if given.get("is_async"):
        runner_params["is_async"] = True
    if runner_params:
        yield from ("--runner-params", ",".join(_assignments(runner_params)))


def _program() -> str:
    """Return how this process's own `kedro` can be called again."""
    called = sys.argv[0]
    if Path(called).name != "kedro" or shutil.which("kedro") == called:
        return "kedro"
    return called


def _assignments(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield `a.b=1` for each leaf, in the notation `--params` reads."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={_as_typed(value)}"


def _as_typed(value: Any) -> str:
    """Write a value so that `--params` reads the same one: the text '1' needs quotes, a path does not."""
    if isinstance(value, str) and OmegaConf.from_dotlist([f"x={value}"])["x"] == value:
        return value
    return json.dumps(value, default=str)


def _is_lost(dataset: str, catalog: DataCatalog) -> bool:
    """Tell whether a dataset is gone once the process ends."""
    return dataset not in catalog or bool(getattr(catalog.get(dataset), "_EPHEMERAL", False))


def _reaches(node: Node, needed: Collection[Node], parents: Mapping[Node, Collection[Node]]) -> bool:
    """Tell whether any other needed node comes before this one."""
    seen: set[Node] = set()
    queue = list(parents[node])
    while queue:
        parent = queue.pop()
        if parent in needed:
            return True
        if parent not in seen:
            seen.add(parent)
            queue += parents[parent]
    return False
