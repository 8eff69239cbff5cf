"""An MLflow run for every step, made before the step starts, as Azure ML makes it; and the limits of its tracking.

They are those of learn.microsoft.com/azure/machine-learning/resource-limits-capacity, and for parameters what the
service told its users (issue 35685 of azure-sdk-for-python).
"""

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

    def end(self, environment: Mapping[str, str], *, succeeded: bool) -> list[str]:
        """Close a step's run; say what of it, or of the runs nested in it, Azure ML would have refused."""
        run_id = environment["MLFLOW_RUN_ID"]
        with self._lock:
            self._client.set_terminated(run_id, "FINISHED" if succeeded else "FAILED")
            nested = self._client.search_runs([self._experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
            return [fault for run in [self._client.get_run(run_id), *nested] for fault in list_excesses(run.data)]


MOST_METRICS = 50
MOST_PARAMETERS = 200
MOST_TAGS = 50
LONGEST_METRIC_NAME = 255
LONGEST_PARAMETER = 500
LONGEST_TAG = 1000


def list_excesses(data: Any) -> list[str]:
    """Say what is more or longer than a run may have.

    Args:
        data: `RunData` of MLflow.
    """
    own = {name: value for name, value in data.tags.items() if not name.startswith("mlflow.")}
    counts = (
        ("metrics", data.metrics, MOST_METRICS),
        ("parameters", data.params, MOST_PARAMETERS),
        ("tags", own, MOST_TAGS),
    )
    faults = [f"{len(items)} {kind}, more than {most}" for kind, items, most in counts if len(items) > most]
    faults += [f"the metric {name} has a name too long" for name in data.metrics if len(name) > LONGEST_METRIC_NAME]
    faults += [
        f"the parameter {name} is too long" for name, value in data.params.items() if len(value) > LONGEST_PARAMETER
    ]
    return faults + [f"the tag {name} is too long" for name, value in own.items() if len(value) > LONGEST_TAG]
