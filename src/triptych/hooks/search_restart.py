"""A new search starts from nothing, so that one killed half-way goes on with its own trials only."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from triptych.datasets.trial import TrialDataset

_REPORT = "_leaderboard"


class SearchRestart:
    """Removes the trials and the leaderboard of the search before; its best configuration stays until replaced.

    `--only-missing-outputs` asks which files there are. Those of an earlier search on the same data root would
    pass for trials of the new one, or for its result.
    """

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Forget what an earlier search left, if this run starts one.

        Args:
            run_params: Options of the run.
            pipeline: The pipeline that is about to run.
            catalog: The catalog of the run.
        """
        if run_params.get("only_missing_outputs"):
            return
        starts = [node.name for node in pipeline.nodes if "search_start" in node.tags]
        follows = pipeline.from_nodes(*starts).all_outputs() if starts else set()
        for name in sorted(follows):
            dataset: Any = catalog.get(name)
            path = getattr(dataset, "_filepath", None)
            if path is not None and (isinstance(dataset, TrialDataset) or name.endswith(_REPORT)):
                _remove(Path(path))


def _remove(path: Path) -> None:
    """Remove a local file or folder; what lies elsewhere is not found and stays."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
