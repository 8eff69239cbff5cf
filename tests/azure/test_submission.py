"""What the job of a schedule does: it submits a pipeline from its own snapshot, with the latest data of that moment."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.startup import bootstrap_project

from triptych.azure import submission
from triptych.azure.compilation import open_workbench
from triptych.azure.snapshots import take_stock
from triptych.registry import provenance


class Service:
    """Takes jobs as Azure ML does."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Any, str]] = []

    def create_or_update(self, job: Any, experiment_name: str) -> Any:
        self.jobs.append((job, experiment_name))
        return job


def test_the_latest_data_are_asked_for_at_every_turn(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "find_commit", lambda folder: "c0ffee")
    bootstrap_project(project)
    service = Service()
    client: Any = SimpleNamespace(jobs=service)
    with open_workbench(project, "azure", {}) as bench:
        submission.submit(bench, "shelf", client, "triptych:abc")
    ((job, experiment),) = service.jobs
    assert experiment == "triptych"
    assert job.jobs["shelf_ingest_photos"].inputs["shelf_raw"].path == "triptych_shelf_raw@latest"
    assert {step.environment for step in job.jobs.values()} == {"triptych:abc"}
    assert job.jobs["shelf_register_detector"].environment_variables["TRIPTYCH_COMMIT"] == "c0ffee"
    assert "TRIPTYCH_COMMIT" not in job.jobs["shelf_split_photos"].environment_variables


def test_a_job_that_is_asked_for_twice_by_its_name_is_submitted_once(project: Path) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    bootstrap_project(project)

    class Named(Service):
        def get(self, name: str) -> Any:
            for job, _ in self.jobs:
                if job.name == name:
                    return job
            raise ResourceNotFoundError(name)

    service = Named()
    client: Any = SimpleNamespace(jobs=service)
    with open_workbench(project, "azure", {}) as bench:
        jobs = [submission.submit(bench, "shelf_check", client, job_name="triptych-1") for _ in range(2)]
    assert jobs[0] is jobs[1]
    assert [job.name for job, _ in service.jobs] == ["triptych-1"]


@pytest.mark.parametrize("identity", [None, "c11e47"])
def test_the_node_s_own_identity_submits(identity: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import azure.identity

    seen: list[Any] = []

    class Credential:
        def __init__(self, **given: Any) -> None:
            seen.append(given)

        def get_token(self, *scopes: str) -> None: ...

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Credential)
    monkeypatch.delenv("DEFAULT_IDENTITY_CLIENT_ID", raising=False)
    if identity:
        monkeypatch.setenv("DEFAULT_IDENTITY_CLIENT_ID", identity)
    names = SimpleNamespace(subscription_id="s", resource_group="g", workspace_name="w")
    client = submission.connect_as_node(SimpleNamespace(azure=names))
    assert client.workspace_name == "w"
    assert seen == [{"managed_identity_client_id": identity}]


def test_a_snapshot_of_the_snapshot_is_the_snapshot(project: Path, tmp_path: Path) -> None:
    from tests.azure.project_copy import copy_sources
    from tests.azure.snapshots import copy_snapshot

    first = copy_sources(tmp_path / "project")
    copy_snapshot(first, tmp_path / "node")
    (tmp_path / "node/user_logs").mkdir()
    (tmp_path / "node/user_logs/std_log.txt").write_text("what Azure ML puts there")
    assert take_stock(tmp_path / "node").sizes == take_stock(first).sizes
