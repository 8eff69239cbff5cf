"""Log every trial of a search to MLflow as a run of its own, nested under the run of the pipeline."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from kedro.framework.hooks import hook_impl

from triptych.tuning.trials import Trial, TrialBatch

# Worker processes of a ParallelRunner inherit it; MLflow's own variable would make them resume that run.
_PARENT = "TRIPTYCH_MLFLOW_PARENT_RUN"
_STORE = "TRIPTYCH_MLFLOW_PARENT_STORE"
_TAG = "triptych.trial"
_logger = logging.getLogger(__name__)


class TrialTracking:
    """Logs parameters, metrics per budget and seconds of a trial as soon as it is trained."""

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Remember the run that kedro-mlflow has started."""
        mlflow = sys.modules.get("mlflow")
        run = mlflow.active_run() if mlflow else None
        _forget()
        if mlflow and run:
            os.environ[_PARENT] = run.info.run_id
            os.environ[_STORE] = mlflow.get_tracking_uri()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Forget the run: it is over."""
        _forget()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Forget the run: it is over."""
        _forget()

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Log trials that are about to be trained, each when it is done.

        Args:
            dataset_name: Where they are saved, `<name of the search>_trials_r<rung>_<slot>`.
            data: The trials.
        """
        if isinstance(data, TrialBatch) and (parent := os.environ.get(_PARENT)):
            search = dataset_name.partition("_trials_r")[0]
            data.listeners.append(lambda trial: _try_to_log(trial, f"{search}_trial_{trial.number:02}", parent))


def _forget() -> None:
    for name in (_PARENT, _STORE):
        os.environ.pop(name, None)


def _try_to_log(trial: Trial, name: str, parent: str) -> None:
    """Log a trial; it is not yet saved, and is not to be lost because a server is away."""
    from mlflow.exceptions import MlflowException

    try:
        log_trial(trial, name, parent)
    except MlflowException as error:
        _logger.warning("%s is not in MLflow: %s", name, error)


def log_trial(trial: Trial, name: str, parent: str) -> None:
    """Write a trial into its nested run, making that run if the parent has none of that name.

    Args:
        trial: The trial.
        name: Name of the run.
        parent: Id of the run it belongs to.
    """
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    from triptych.registry.registration import shorten_parameter

    client = MlflowClient(os.environ.get(_STORE))
    experiment = client.get_run(parent).info.experiment_id
    run_id = _find_run(client, experiment, name, parent)
    written = 0
    if run_id is None:
        tags = {"mlflow.parentRunId": parent, "mlflow.runName": name, _TAG: name}
        run_id = client.create_run(experiment, tags=tags, run_name=name).info.run_id
        params = [Param(key, shorten_parameter(value)) for key, value in trial.config.items()]  # type: ignore[no-untyped-call]
        client.log_batch(run_id, params=params)
    else:
        written = len(client.get_metric_history(run_id, "seconds"))
    now = int(time.time() * 1000)
    metrics = [
        Metric(key, value, now, measurement.budget)
        for measurement in trial.history[written:]
        for key, value in {**measurement.metrics, "seconds": measurement.seconds}.items()
    ]
    client.log_batch(run_id, metrics=metrics)
    if trial.error:
        client.set_tag(run_id, "error", trial.error[:5000])
    client.set_terminated(run_id, "FAILED" if trial.status == "failed" else "FINISHED")


def _find_run(client: Any, experiment: str, name: str, parent: str) -> str | None:
    query = f"tags.`mlflow.parentRunId` = '{parent}' and tags.`{_TAG}` = '{name}'"
    found = client.search_runs([experiment], query)
    return str(found[0].info.run_id) if found else None
