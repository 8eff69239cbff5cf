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

from triptych.registry.candidate import Candidate, Decision
from triptych.registry.model_registry import PREFIX, PROMOTED_TAG, REPORT_FOLDER, ModelRegistry

_LONGEST_PARAMETER = 500  # characters; MLflow's own limit is 6000, Azure ML's 500


def register(candidate: Candidate) -> dict[str, Any]:
    """Make a model the next version of its name.

    Args:
        candidate: The model and its papers.

    Returns:
        The record: `name`, `version`, `run_id`, `model_uri`, `alias` and the decision; it is also among
        the run's artifacts, as `registration/<name>-<version>.json`.
    """
    import mlflow

    client = mlflow.MlflowClient()
    with _run_id() as run_id:
        folder = _upload(client, run_id, candidate)
        _log(client, run_id, candidate)
        tags = {f"{PREFIX}{key}": value for key, value in candidate.tags.items()} | {PROMOTED_TAG: "false"}
        registered = mlflow.register_model(f"runs:/{run_id}/{folder}", candidate.name, tags=tags)
        version = int(registered.version)
        registry = ModelRegistry()
        decision = _confirm(registry, candidate)
        alias = registry.promote(candidate.name, version) if decision.promoted else False
        record = {
            "name": candidate.name,
            "version": version,
            "run_id": run_id,
            "model_uri": f"models:/{candidate.name}/{version}",
            "alias": alias,
            **decision.describe(),
            **candidate.tags,
        }
        client.update_model_version(candidate.name, str(version), description=decision.reason)
        client.log_dict(run_id, record, f"registration/{candidate.name}-{version}.json")
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


def _upload(client: Any, run_id: str, candidate: Candidate) -> str:
    """Upload the model and its report to a folder of the run that holds none yet."""
    taken = {artifact.path for artifact in client.list_artifacts(run_id)}
    names = itertools.chain(["model"], (f"model-{number}" for number in itertools.count(2)))
    name = next(name for name in names if name not in taken)
    with tempfile.TemporaryDirectory(prefix="triptych-registry-") as folder:
        model = Path(folder) / "model"
        candidate.write(model)
        (model / REPORT_FOLDER).mkdir()
        for file, content in candidate.report.items():
            written = content.encode() if isinstance(content, str) else content
            (model / REPORT_FOLDER / file).write_bytes(written)
        client.log_artifacts(run_id, str(model), name)
    return name


def _log(client: Any, run_id: str, candidate: Candidate) -> None:
    known: Mapping[str, str] = client.get_run(run_id).data.params
    for key, value in candidate.parameters.items():
        # MLflow refuses a second value of a parameter; kedro-mlflow has logged most of them.
        if key not in known:
            client.log_param(run_id, key, str(value)[:_LONGEST_PARAMETER])
    for key, metric in candidate.metrics.items():
        client.log_metric(run_id, key, metric)


def _confirm(registry: ModelRegistry, candidate: Candidate) -> Decision:
    """Take a promotion back if another version was promoted since it was decided."""
    decision = candidate.decision
    now = registry.find_promoted(candidate.name)
    version = now.version if now else None
    if not decision.promoted or version == decision.compared_with:
        return decision
    reason = f"version {version} was promoted meanwhile, and this one was not compared with it"
    return Decision(False, reason, decision.compared_with, decision.figures)
