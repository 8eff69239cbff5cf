"""A new search does not take up the trials of an earlier one, nor remove them before it has something better."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from triptych.datasets.trials import TrialsDataset
from triptych.tuning.trials import TrialBatch

# Worker processes of a ParallelRunner inherit it.
_RUN = "TRIPTYCH_SEARCH_RUN"
_FIRST_RUNG = "rung_0"


class SearchRestart:
    """Tells searches whether they start anew; their leaderboard then goes with the first result.

    `--only-missing-outputs` asks which files there are: an earlier search's would pass for those of the new one. A run
    that starts in the midst of a search, because it names nodes of it, goes on with that search.
    """

    def __init__(self) -> None:
        self._leaderboards: dict[str, Path] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """See whether the run starts a search.

        Args:
            run_params: Options of the run.
            pipeline: The pipeline that is about to run.
        """
        _forget()
        first = {node.name for node in _first_rung(pipeline)}
        named = {name for option in ("from_nodes", "node_names") for name in run_params.get(option) or ()}
        if first and not first & named and not run_params.get("only_missing_outputs"):
            os.environ[_RUN] = uuid.uuid4().hex

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog) -> None:
        """Find the leaderboard of a search's first nodes.

        Args:
            node: The node at work.
            catalog: The catalog of the run.
        """
        if _FIRST_RUNG in node.tags:
            (trials,) = node.outputs
            leaderboard: Any = catalog.get(f"{trials.partition('_trials_r')[0]}_leaderboard")
            if path := getattr(leaderboard, "_filepath", None):
                self._leaderboards[trials] = Path(path)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Tell trials that are about to be trained of which run they are.

        Args:
            dataset_name: Where they are saved.
            data: The trials.
        """
        if isinstance(data, TrialBatch) and (run_id := os.environ.get(_RUN)):
            data.run_id = run_id
            if path := self._leaderboards.get(dataset_name):
                data.listeners.append(lambda _: path.unlink(missing_ok=True))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Remove what the new search has not overwritten of the one before.

        Args:
            pipeline: The pipeline that has run.
            catalog: The catalog of the run.
        """
        for node in _first_rung(pipeline) if _RUN in os.environ else ():
            for name in node.outputs:
                dataset: Any = catalog.get(name)
                if isinstance(dataset, TrialsDataset):
                    dataset.remove_stale()
        _forget()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Forget the run: it is over."""
        _forget()


def _first_rung(pipeline: Pipeline) -> list[Node]:
    return [node for node in pipeline.nodes if _FIRST_RUNG in node.tags]


def _forget() -> None:
    os.environ.pop(_RUN, None)
