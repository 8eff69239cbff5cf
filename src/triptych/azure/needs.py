"""What a pipeline needs of a workspace: clusters, nodes, data, accounts."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from triptych.azure.compilation import Compiled, Workbench

__all__ = ["Needs", "Step", "list_needs"]


@dataclass(frozen=True)
class Step:
    """A step of a job.

    Attributes:
        name: Of the node.
        cluster: Where it runs.
        nodes: Machines it takes.
        processes: Processes on each of them.
        distribution: `mpi`, `pytorch` or nothing.
        reusable: Whether Azure may take the outputs of an earlier job.
    """

    name: str
    cluster: str
    nodes: int
    processes: int
    distribution: str
    reusable: bool


@dataclass(frozen=True)
class Needs:
    """What a pipeline needs.

    Attributes:
        steps: In an order in which they can run.
        nodes_at_once: By cluster, the machines that work at the same time if as many are allowed.
        assets_read: Data assets that have to be there.
        assets_made: Data assets that get a new version.
        addresses: Places in blob storage that are read or written directly.
        environment: Azure ML environment of all steps.
    """

    steps: list[Step]
    nodes_at_once: dict[str, int]
    assets_read: list[str]
    assets_made: list[str]
    addresses: list[str]
    environment: str


def list_needs(bench: Workbench, compiled: Compiled) -> Needs:
    """Collect what a compiled pipeline needs.

    Args:
        bench: The environment.
        compiled: The pipeline.
    """
    pipeline = compiled.pipeline
    steps = [_describe(node.name, compiled.job_of(node.name) or {}) for node in pipeline.nodes]
    entries = {name: entry for name, entry in bench.entries(pipeline).items() if name in pipeline.datasets()}
    named = {name: str(entry["azureml_dataset"]) for name, entry in entries.items() if "azureml_dataset" in entry}
    return Needs(
        steps=steps,
        nodes_at_once=_count_at_once(compiled, {step.name: step for step in steps}),
        assets_read=sorted(named[name] for name in pipeline.inputs() & set(named)),
        assets_made=sorted(named[name] for name in pipeline.all_outputs() & set(named)),
        addresses=sorted({place for entry in entries.values() for place in _remote_places(entry)}),
        environment=str(bench.config.azure.environment_name),
    )


def _describe(name: str, job: dict[str, Any]) -> Step:
    distribution = job.get("distribution") or job.get("component", {}).get("distribution") or {}
    return Step(
        name=name,
        cluster=str(job.get("compute", "")).removeprefix("azureml:"),
        nodes=int((job.get("resources") or {}).get("instance_count") or 1),
        processes=int(distribution.get("process_count_per_instance") or 1),
        distribution=str(distribution.get("type") or ""),
        reusable=bool(job.get("component", {}).get("is_deterministic", True)),
    )


def _count_at_once(compiled: Compiled, steps: dict[str, Step]) -> dict[str, int]:
    """Let every step start as soon as it can, all taking equally long, and count machines."""
    level: dict[str, int] = {}
    needs: dict[str, Counter[int]] = defaultdict(Counter)
    dependencies = compiled.pipeline.node_dependencies
    for node in compiled.pipeline.nodes:  # sorted by what depends on what
        level[node.name] = 1 + max((level[before.name] for before in dependencies[node]), default=0)
        step = steps[node.name]
        needs[step.cluster][level[node.name]] += step.nodes
    return {cluster: max(counts.values()) for cluster, counts in needs.items()}


def _remote_places(entry: dict[str, Any]) -> list[str]:
    nested = entry["dataset"] if isinstance(entry.get("dataset"), dict) else {}
    values = [entry.get("filepath"), entry.get("path"), (entry.get("checkpoint") or {}).get("filepath")]
    values += [nested.get("filepath"), nested.get("copy_to")]
    return [str(value) for value in values if "://" in str(value)]
