"""An MLflow run for every step, made before the step starts, as Azure ML makes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any


class StepTracking:
    """Makes the runs, and tells steps of them by their environment.

    Args:
        uri: The tracking server's.
        experiment: Made if it is missing.
        artifacts: Where artifacts go.
    """

    def __init__(self, uri: str, experiment: str, artifacts: Path) -> None:
        from mlflow import MlflowClient

        self._client: Any = MlflowClient(uri)
        self._common = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_NAME": experiment}
        found = self._client.get_experiment_by_name(experiment)
        self._experiment = found.experiment_id if found else self._client.create_experiment(experiment, str(artifacts))
        self._lock = Lock()

    def start(self, step: str) -> dict[str, str]:
        """Start a run; return the environment that tells the step of it."""
        with self._lock:
            run = self._client.create_run(self._experiment, run_name=step)
        return {**self._common, "MLFLOW_EXPERIMENT_ID": self._experiment, "MLFLOW_RUN_ID": run.info.run_id}

    def end(self, environment: Mapping[str, str], *, succeeded: bool) -> None:
        """Close a step's run."""
        with self._lock:
            self._client.set_terminated(environment["MLFLOW_RUN_ID"], "FINISHED" if succeeded else "FAILED")
