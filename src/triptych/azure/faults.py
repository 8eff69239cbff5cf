"""What would go wrong with a pipeline on Azure ML, found before anything is submitted."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from kedro.pipeline import Node, Pipeline
from kedro_azureml.constants import DISTRIBUTED_CONFIG_FIELD
from kedro_azureml.datasets import AzureMLAssetDataset, AzureMLPipelineDataset

from triptych.azure.compilation import QUOTE_FAULT, Compiled, Workbench, sanitize
from triptych.node_tags import DETERMINISTIC, GPU
from triptych.storage.blob_storage import is_remote

__all__ = ["find_faults"]

MOST_INPUTS = 200
MOST_OUTPUTS = 20
"""Datasets of a run (learn.microsoft.com/azure/machine-learning/resource-limits-capacity)."""

_CLUSTER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]")


def find_faults(bench: Workbench, name: str) -> list[str]:
    """Say what is wrong with a pipeline.

    Args:
        bench: The environment.
        name: The pipeline.

    Returns:
        A line a fault, each naming what is at fault and what to do.
    """
    pipeline = bench.pipelines[name]
    faults = [
        *_find_unseen_inputs(bench, pipeline),
        *_find_collisions(pipeline),
        *_find_lost_data(bench, pipeline),
        *_find_local_inputs(bench, pipeline),
        *_find_wrong_reuse(bench, pipeline),
        *_find_unknown_clusters(bench, pipeline),
        *_find_excess(pipeline),
    ]
    if bench.has_quotes:
        faults.append(QUOTE_FAULT)
    if faults:
        return faults
    try:
        compiled = bench.compile(name)
    except Exception as error:  # whatever plugin and SDK raise
        return [f"cannot be compiled: {type(error).__name__}: {error}"]
    return _find_missing_jobs(compiled)


def _find_unseen_inputs(bench: Workbench, pipeline: Pipeline) -> list[str]:
    """Find inputs that kedro-azureml would take for the output of a step: those of a pattern are no entries yet."""
    names = {name for name in pipeline.inputs() if not name.startswith("params:")}
    return [
        f"{name} is no entry of the catalog: give it one of its own in conf/{bench.environment}"
        for name in sorted(names - set(bench.catalog.filter()))
    ]


def _find_collisions(pipeline: Pipeline) -> list[str]:
    """Find nodes that would be one step, and datasets that would be one input or output of a step."""
    faults = [f"nodes {_join(names)} would become one step: rename one" for names in _group(pipeline.nodes)]
    for node in pipeline.nodes:
        for kind, names in (("inputs", node.inputs), ("outputs", node.outputs)):
            same = defaultdict(set)
            for dataset in names:
                same[re.sub(r"[^a-z0-9_]", "_", dataset.lower())].add(dataset)
            faults += [
                f"{kind} {_join(group)} of {node.name} would be one" for group in same.values() if len(group) > 1
            ]
    return faults


def _group(nodes: list[Node]) -> list[list[str]]:
    same = defaultdict(list)
    for node in nodes:
        same[sanitize(node.name)].append(node.name)
    return [names for names in same.values() if len(names) > 1]


def _find_lost_data(bench: Workbench, pipeline: Pipeline) -> list[str]:
    """Find outputs that the step after would not see, or nobody."""
    faults = []
    between = pipeline.all_outputs() & pipeline.all_inputs()
    entries = bench.entries(pipeline)
    for node in pipeline.nodes:
        for name in node.outputs:
            dataset, where = bench.catalog.get(name), _address(entries.get(name, {}))
            if isinstance(dataset, AzureMLPipelineDataset):
                continue
            if name in between:
                faults.append(f"{name}, which {node.name} hands on, would not persist: {_advise(dataset, where)}")
            elif not is_remote(where):
                faults.append(f"{name}, the result of {node.name}, would not persist: {_advise(dataset, where)}")
            elif hasattr(node.func, DISTRIBUTED_CONFIG_FIELD):
                faults.append(f"{name}: all ranks of {node.name} would write to {where} at once")
    return faults


def _advise(dataset: Any, where: str) -> str:
    if is_remote(where):
        return f"{where} is not what Azure passes on to the next step: give it a local filepath in conf/base"
    kind = type(dataset).__name__
    return f"{kind} has no local filepath that could be put on a mount: give it an entry with one in the catalog"


def _find_local_inputs(bench: Workbench, pipeline: Pipeline) -> list[str]:
    """Find inputs that lie on this machine only."""
    faults, entries = [], bench.entries(pipeline)
    for name in sorted(pipeline.inputs()):
        dataset: Any = None if name.startswith("params:") else bench.catalog.get(name)
        if dataset is None or isinstance(dataset, AzureMLAssetDataset):
            continue
        where = _address(entries.get(name, {}))
        if isinstance(dataset, AzureMLPipelineDataset):
            faults.append(f"{name} is made by another pipeline: make it a data asset in conf/{bench.environment}")
        elif where and not is_remote(where):
            faults.append(
                f"{name} is read from {where} on this machine: make it a data asset, or name an abfs:// address"
            )
    return faults


def _find_wrong_reuse(bench: Workbench, pipeline: Pipeline) -> list[str]:
    """Find nodes whose earlier outputs Azure would take although what they read may have changed."""
    outside = {
        name
        for name in pipeline.inputs()
        if not name.startswith("params:") and not isinstance(bench.catalog.get(name), AzureMLAssetDataset)
    }
    return [
        f"{node.name} is tagged deterministic, but Azure does not see changes of {_join(unseen)}"
        for node in pipeline.nodes
        if node.tags & DETERMINISTIC and (unseen := outside & set(node.inputs))
    ]


def _find_unknown_clusters(bench: Workbench, pipeline: Pipeline) -> list[str]:
    compute = dict(bench.config.azure.compute)
    faults = []
    for tag, target in compute.items():
        if not _CLUSTER_NAME.fullmatch(target.cluster_name):
            faults.append(f"{target.cluster_name!r}, the cluster of {tag} in azureml.yml, is no name of a cluster")
    if "__default__" not in compute:
        faults.append("azureml.yml names no cluster as __default__ under compute")
    for node in pipeline.nodes:
        named = set(node.tags) & set(compute)
        if len(named) > 1:
            faults.append(f"{node.name} is tagged {_join(sorted(named))}: one cluster a node")
        if node.tags & GPU and not named:
            faults.append(f"{node.name} is tagged {_join(GPU)}, which azureml.yml names no cluster for")
    return faults


def _find_excess(pipeline: Pipeline) -> list[str]:
    """Find runs with more outputs or inputs than Azure ML lets one have; the whole pipeline is one too."""
    runs: list[Any] = [(node.name, node.inputs, node.outputs) for node in pipeline.nodes]
    runs.append(("the pipeline", (), pipeline.outputs()))
    faults = []
    for name, inputs, outputs in runs:
        read = [each for each in inputs if not each.startswith("params:")]
        for kind, found, most in (("inputs", read, MOST_INPUTS), ("outputs", outputs, MOST_OUTPUTS)):
            if len(found) > most:
                faults.append(
                    f"{name} has {len(found)} {kind}, and a run of Azure ML {most} at most: put some into one folder"
                )
    return faults


def _find_missing_jobs(compiled: Compiled) -> list[str]:
    missing = [node.name for node in compiled.pipeline.nodes if compiled.job_of(node.name) is None]
    faults = [f"{name} has no step in the compiled pipeline" for name in missing]
    if not faults and len(compiled.jobs) != len(compiled.pipeline.nodes):
        faults.append(f"{len(compiled.pipeline.nodes)} nodes became {len(compiled.jobs)} steps")
    return faults


def _address(entry: dict[str, Any]) -> str:
    """Give the place of a dataset as its entry in the catalog has it; nothing if it has none."""
    return str(entry.get("filepath") or entry.get("path") or (entry.get("checkpoint") or {}).get("filepath") or "")


def _join(names: Any) -> str:
    return " and ".join(sorted(names))
