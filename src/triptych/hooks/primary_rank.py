"""Run a pipeline on the ranks of a torch job: all train, one does the rest; or a node on the ranks of Open MPI.

    torchrun --nproc-per-node 2 -m kedro run --pipelines shelf
    mpirun -n 2 kedro run --pipelines video --nodes video.stylize_segments

Rank 0 runs every node. The others take part in the nodes marked by kedro-azureml's `distributed_job`, and pass over
the rest: they save nothing, and load what rank 0 has saved. After each node all wait for each other. Ranks of Open MPI
do not talk here, so they run distributed nodes only.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_azureml.constants import DISTRIBUTED_CONFIG_FIELD

from triptych import distributed

_NOTHING = object()
"""Stands for what rank 0 alone knows."""


class PrimaryRankOnly:
    """Lets only rank 0 save and register; does nothing where there is one process."""

    def __init__(self) -> None:
        self._group = ExitStack()
        self._saved: dict[str, int] = defaultdict(int)
        self._functions: list[tuple[Node, Callable[..., Any]]] = []

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Join the other ranks, and on all but rank 0 take the work out of the nodes that are not distributed.

        Args:
            run_params: Options of the run.
            pipeline: What is about to run.
            catalog: Its datasets.

        Raises:
            ValueError: If no node is distributed, or the runner would not keep the ranks in step; or if ranks of Open
                MPI are to run a node that is not distributed.
        """
        if not distributed.are_torch_ranks():
            if distributed.world_size() > 1:
                _refuse_others(pipeline)
                if not distributed.is_primary():
                    self._quieten(pipeline, catalog)
            return
        runner = str(run_params.get("runner") or "")
        for name in ("ParallelRunner", "ThreadRunner"):
            if name in runner:  # the text of an object
                raise ValueError(f"ranks keep in step with --runner SequentialRunner only, not {name}")
        if not any(_is_distributed(node) for node in pipeline.nodes):
            raise ValueError("no node of this pipeline is distributed: run it without torchrun")
        self._group.enter_context(distributed.joined())
        if not distributed.is_primary():
            self._quieten(pipeline, catalog)

    @hook_impl(trylast=True)
    def after_dataset_saved(self, node: Node) -> None:
        """Wait for the other ranks once all outputs of a node are saved.

        Args:
            node: The node at work.
        """
        if not distributed.are_torch_ranks():
            return
        self._saved[node.name] += 1
        if self._saved[node.name] == len(node.outputs):
            distributed.wait_for_all()

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Leave the other ranks."""
        self._stop()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Leave the other ranks, which stops them as well."""
        self._stop()

    def _quieten(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        from kedro_azureml.datasets import AzureMLPipelineDataset

        logging.getLogger("kedro.io.data_catalog").setLevel(logging.ERROR)  # says what it replaces
        shared = {name for node in pipeline.nodes if _is_distributed(node) for name in node.inputs}
        for name in sorted(pipeline.datasets()):
            if name.startswith("params:") or name == "parameters":
                continue
            dataset: Any = catalog[name]
            if isinstance(dataset, AzureMLPipelineDataset):  # its runner has yet to say where it lies
                dataset.save = _leave_to_rank_0
            else:
                catalog[name] = _QuietDataset(dataset if name in shared else None)
        for node in pipeline.nodes:
            if not _is_distributed(node):
                self._functions.append((node, node.func))
                node.func = _Idle(node)

    def _stop(self) -> None:
        for node, function in self._functions:
            node.func = function
        self._functions.clear()
        self._saved.clear()
        self._group.close()


def _refuse_others(pipeline: Pipeline) -> None:
    others = [node.name for node in pipeline.nodes if not _is_distributed(node)]
    if others:
        raise ValueError(
            f"mpirun's ranks cannot share {', '.join(others)}: run these with plain `kedro run`, and only a "
            "distributed node (--nodes NAME) with mpirun"
        )


def _leave_to_rank_0(data: Any) -> None:
    """Save nothing."""


def _is_distributed(node: Node) -> bool:
    return hasattr(node.func, DISTRIBUTED_CONFIG_FIELD)


class _Idle:
    """Takes a function's place, and gives nothing in the shape of its outputs."""

    def __init__(self, node: Node) -> None:
        self.__name__ = node.func.__name__
        outputs = node._outputs
        self._result: Any = _NOTHING
        if isinstance(outputs, list):
            self._result = [_NOTHING] * len(outputs)
        elif isinstance(outputs, dict):
            self._result = dict.fromkeys(outputs, _NOTHING)

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Do nothing."""
        return self._result


class _QuietDataset(AbstractDataset[Any, Any]):
    """Reads what another rank saves, or nothing at all, and saves nothing itself."""

    def __init__(self, dataset: AbstractDataset[Any, Any] | None) -> None:
        self._dataset = dataset

    def load(self) -> Any:
        return self._dataset.load() if self._dataset else _NOTHING

    def save(self, data: Any) -> None:
        """Leave it to rank 0."""

    def _exists(self) -> bool:
        return self._dataset is not None and self._dataset.exists()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": str(self._dataset)}
