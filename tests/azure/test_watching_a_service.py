"""What `triptych azure watch` makes of Azure ML's answers, read by its own SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken
from mlflow.exceptions import MlflowException

from tests.azure.job_service import Child, add_history, make_workspace, serve_app
from triptych.azure.watching import read_job


class Credential:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("a.b.c", int(time.time()) + 3600)


class NoRuns:
    def get_run(self, name: str) -> Any:
        raise MlflowException("no run yet")


def step(title: str, cluster: str, nodes: int) -> dict[str, Any]:
    """Write a node as a submitted pipeline has it."""
    compute = f"/subscriptions/0/resourceGroups/rg/providers/x/workspaces/ws/computes/{cluster}"
    resources = {"instance_count": nodes}
    return {"type": "command", "componentId": "azureml:x:1", "display_name": title, "computeId": compute} | {
        "resources": resources
    }


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MLClient]:
    """A workspace in which the first step was tried twice, and the second is at work."""
    log = tmp_path / "log.txt"
    log.write_text("Starting\nepoch 1 of 3\repoch 2 of 3", encoding="utf-8")
    children = [
        Child("run3", "shelf.train_detector", "Running", "gpu-cluster", log),
        Child("run2", "shelf.prepare_photos", "Completed", "cpu-cluster"),
        Child("run1", "shelf.prepare_photos", "Failed", "cpu-cluster"),
    ]
    jobs = {
        "shelf_prepare_photos": step("shelf.prepare_photos", "cpu-cluster", 1),
        "shelf_train_detector": step("shelf.train_detector", "gpu-cluster", 2),
        "shelf_evaluate_detector": step("shelf.evaluate_detector", "cpu-cluster", 1),
    }
    job = {"jobType": "Pipeline", "displayName": "shelf", "status": "Running", "experimentName": "x", "jobs": jobs}
    studio = {"jobServiceType": "Studio", "endpoint": "https://ml.azure.com/runs/job1"}
    address: list[str] = []
    app = make_workspace(lambda: address[0], job | {"services": {"Studio": studio}, "inputs": {}, "outputs": {}})
    with serve_app(app, tmp_path) as served:
        address.append(served)
        add_history(app, served, lambda name: children)
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "cert.crt"))
        monkeypatch.setenv("ARM_CLOUD_METADATA_URL", f"{served}/metadata/endpoints")
        monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "TestCloud")
        yield MLClient(Credential(), "0", "rg", "ws")


def test_steps_are_children_of_the_run(client: MLClient) -> None:
    job = read_job(client, NoRuns(), "job1")
    assert (job.title, job.state, job.address) == ("shelf", "Running", "https://ml.azure.com/runs/job1")
    assert [(each.name, each.state, each.cluster, each.nodes) for each in job.steps] == [
        ("shelf.prepare_photos", "Completed", "cpu-cluster", 1),
        ("shelf.train_detector", "Running", "gpu-cluster", 2),
        ("shelf.evaluate_detector", "Waiting", "cpu-cluster", 1),
    ]
    assert [each.progress for each in job.steps] == ["", "epoch 2 of 3", ""]


def test_a_job_that_is_not_there_is_named(client: MLClient) -> None:
    with pytest.raises(LookupError, match="there is no job job2 in this workspace"):
        read_job(client, NoRuns(), "job2")
