"""Register a model: save it, upload it, register it from the run, and promote it if so decided.

`mlflow.<flavor>.log_model` would do the first three at once, through MLflow 3's logged models; Azure ML answers
404 to those (azure-sdk-for-python issue 44896).
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triptych.registry.model_registry import PREFIX, PROMOTED_TAG, REPORT_FOLDER, ModelRegistry
from triptych.registry.new_version import Decision, NewVersion

_LONGEST_PARAMETER = 500  # characters; MLflow's own limit is 6000, Azure ML's 500


def shorten_parameter(value: Any) -> str:
    """Write a parameter of a run as every tracking server takes it."""
    return str(value)[:_LONGEST_PARAMETER]


def register(new: NewVersion) -> dict[str, Any]:
    """Make a model the next version of its name.

    Args:
        new: The model and its model card.

    Returns:
        The record: `name`, `version`, `run_id`, `model_uri`, `alias` and the decision; it is also among
        the run's artifacts, as `registration/<name>-<version>.json`.
    """
    import mlflow

    client = mlflow.MlflowClient()
    with _run_id() as run_id:
        folder = _upload(client, run_id, new)
        _log(client, run_id, new)
        tags = {f"{PREFIX}{key}": value for key, value in new.tags.items()} | {PROMOTED_TAG: "false"}
        registered = mlflow.register_model(f"runs:/{run_id}/{folder}", new.name, tags=tags)
        version = int(registered.version)
        registry = ModelRegistry()
        decision = _confirm(registry, new)
        alias = registry.promote(new.name, version) if decision.promoted else False
        record = {
            "name": new.name,
            "version": version,
            "run_id": run_id,
            "model_uri": f"models:/{new.name}/{version}",
            "alias": alias,
            **decision.describe(),
            **new.tags,
        }
        client.update_model_version(new.name, str(version), description=decision.reason)
        client.log_dict(run_id, record, f"registration/{new.name}-{version}.json")
    return record


@contextmanager
def _run_id() -> Iterator[str]:
    """Take the run that is active in this thread (kedro-mlflow's), or else make one."""
    import mlflow

    if active := mlflow.active_run():
        yield active.info.run_id
    else:
        with mlflow.start_run(run_name="register") as run:
            yield run.info.run_id


def _upload(client: Any, run_id: str, new: NewVersion) -> str:
    """Upload the model and its report to a folder of the run that holds none yet."""
    taken = {artifact.path for artifact in client.list_artifacts(run_id)}
    names = itertools.chain(["model"], (f"model-{number}" for number in itertools.count(2)))
    name = next(name for name in names if name not in taken)
    with tempfile.TemporaryDirectory(prefix="triptych-registry-") as folder:
        model = Path(folder) / "model"
        new.write(model)
        (model / REPORT_FOLDER).mkdir()
        for file, content in new.report.items():
            written = content.encode() if isinstance(content, str) else content
            (model / REPORT_FOLDER / file).write_bytes(written)
        client.log_artifacts(run_id, str(model), name)
    return name


def _log(client: Any, run_id: str, new: NewVersion) -> None:
    known: Mapping[str, str] = client.get_run(run_id).data.params
    for key, value in new.parameters.items():
        # MLflow refuses a second value of a parameter; kedro-mlflow has logged most of them.
        if key not in known:
            client.log_param(run_id, key, shorten_parameter(value))
    for key, metric in new.metrics.items():
        client.log_metric(run_id, key, metric)


def _confirm(registry: ModelRegistry, new: NewVersion) -> Decision:
    """Take a promotion back if another version was promoted since it was decided."""
    decision = new.decision
    now = registry.find_promoted(new.name)
    version = now.version if now else None
    if not decision.promoted or version == decision.compared_with:
        return decision
    reason = f"version {version} was promoted meanwhile, and this one was not compared with it"
    return Decision(False, reason, decision.compared_with, decision.figures)
