"""What stands for Azure ML in tests: compiled pipelines, data assets, tracking, storage."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.azure.data_assets import DataAssets
from tests.azure.local_runner import EXPERIMENT, PipelineRun, run_pipeline
from tests.azure.project_copy import add_samples, compile_pipelines, copy_project
from tests.azure.step_tracking import StepTracking
from tests.bench import Bench
from tests.preloaded.scripts import PreloadedScripts

# One thread for each process: results then do not depend on the machine.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Cluster:
    """A folder with all that lasts: `work` and `styled` for storage, a folder for each job."""

    folder: Path
    compiled: dict[str, Path]
    assets: DataAssets
    preloaded: PreloadedScripts

    @classmethod
    def set_up(cls, bench: Bench, names: list[str], params: dict[str, Any]) -> Cluster:
        """Compile pipelines of a small copy of the project, and register the samples as data assets.

        Args:
            bench: Gives the folder, and what runs steps that take no clean interpreter.
            names: Of the pipelines.
            params: For every step, beside the places in storage.
        """
        folder = bench.folder
        roots = {"work_root": f"file://{folder}/work", "styled_root": f"file://{folder}/styled"}
        project = copy_project(folder / "project")
        compiled = compile_pipelines(project, folder / "compiled", names, {**roots, **params}, bench.preloaded)
        cluster = cls(folder, compiled, add_samples(DataAssets(folder / "assets"), bench.few_photos), bench.preloaded)
        for name in names:
            shutil.copy(bench.empty_tracking, folder / f"{name}.db")
            StepTracking(cluster.tracking_uri(name), EXPERIMENT, folder / "mlartifacts")
        return cluster

    def tracking_uri(self, name: str) -> str:
        """Give the tracking server of a pipeline's jobs."""
        return f"sqlite:///{self.folder}/{name}.db"

    def job_folder(self, name: str, attempt: int = 1) -> Path:
        """Give the folder of a job: its code, its steps' outputs and logs."""
        return self.folder / "jobs" / f"{name}_{attempt}"

    def run(self, name: str, attempt: int = 1, clean: Collection[str] = ()) -> PipelineRun:
        """Run a pipeline.

        Args:
            name: Its name.
            attempt: Number of the job.
            clean: Steps that take an interpreter which has imported nothing.
        """
        return run_pipeline(
            self.compiled[name],
            self.job_folder(name, attempt),
            self.assets,
            environment=_ENVIRONMENT,
            tracking_uri=self.tracking_uri(name),
            at_once=2,
            preloaded=self.preloaded.folder,
            clean=clean,
        )
