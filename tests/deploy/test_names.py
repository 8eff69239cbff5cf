"""Names that stand in several places are the same ones; and none of the files holds a secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.conftest import DEPLOY

CONF = ROOT / "conf/azure"
needs_conf = pytest.mark.skipif(not (CONF / "globals.yml").exists(), reason="there is no conf/azure")
SCHEDULES = sorted(path for path in (DEPLOY / "schedules").glob("*.yml") if path.name != "submit.yml")
DATA = sorted((DEPLOY / "data").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def infra(name: str) -> str:
    return (DEPLOY / "infra" / name).read_text(encoding="utf-8")


@needs_conf
def test_clusters_and_environment_are_those_of_conf() -> None:
    names = read(CONF / "globals.yml")
    for kind in ("cpu", "gpu"):
        cluster = names[f"{kind}_cluster"]
        assert read(DEPLOY / f"compute/{kind}-cluster.yml")["name"] == cluster
        assert f"name: '{cluster}'" in infra("modules/clusters.bicep")
    assert read(DEPLOY / "environment/environment.yml")["name"] == names["environment"].partition("@")[0]


@needs_conf
def test_containers_of_conf_are_made() -> None:
    text = infra("main.bicep")
    addresses = re.findall(r"abfs://(\w+)@", (CONF / "globals.yml").read_text(encoding="utf-8"))
    assert {"landing", "styled", "work"} <= set(addresses)
    for container in addresses:
        assert f"      '{container}'\n" in text


@needs_conf
def test_every_asset_that_a_pipeline_reads_from_outside_is_registered() -> None:
    used = set(re.findall(r"azureml_dataset: (\w+)", (CONF / "catalog.yml").read_text(encoding="utf-8")))
    registered = {read(path)["name"] for path in DATA}
    assert registered <= used
    made_by_runs = {"faq_matcher", "faq_drift_reference", "shelf_model", "shelf_drift_reference"}
    made_by_runs |= {"video_finished", "video_style_network"}
    assert used - registered == {f"triptych_{name}" for name in made_by_runs}


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_an_asset_is_called_as_its_file_and_is_a_sample(path: Path) -> None:
    content = read(path)
    assert content["name"] == f"triptych_{path.stem}"
    folder = (path.parent / content["path"]).resolve()
    assert folder.is_relative_to(ROOT / "data/01_raw")
    assert any(folder.iterdir()), "Azure refuses an empty folder"


def test_clusters_of_yaml_are_those_of_bicep() -> None:
    text = infra("main.bicep")
    for kind in ("cpu", "gpu"):
        content = read(DEPLOY / f"compute/{kind}-cluster.yml")
        assert content["min_instances"] == 0
        assert content["identity"]["type"] == "user_assigned"
        (identity,) = content["identity"]["user_assigned_identities"]
        assert identity["resource_id"].endswith(f"/Microsoft.ManagedIdentity/userAssignedIdentities/id-triptych-{kind}")
        assert f"name: 'id-${{name}}-{kind}'" in infra("modules/identities.bicep")
        assert content["ssh_public_access_enabled"] is False
        tier = {"dedicated": "Dedicated", "low_priority": "LowPriority"}[content["tier"]]
        assert f"param {kind}VmSize string = '{content['size']}'" in text
        assert f"param {kind}MaxNodes int = {content['max_instances']}" in text
        assert f"param {kind}Priority string = '{tier}'" in text
        assert f"param idleMinutes int = {content['idle_time_before_scale_down'] // 60}" in text


def test_every_container_that_is_made_is_used() -> None:
    made = re.findall(r"    containers: \[\n(.*?)\n    \]", infra("main.bicep"), re.DOTALL)
    named = {name for block in made for name in re.findall(r"'(\w+)'", block)}
    assert named == {read(path)["container_name"] for path in (DEPLOY / "datastores").glob("*.yml")}


def test_datastores_hold_no_credentials_and_lie_in_containers_that_are_made() -> None:
    text = infra("main.bicep")
    for path in (DEPLOY / "datastores").glob("*.yml"):
        content = read(path)
        assert "credentials" not in content
        assert f"      '{content['container_name']}'\n" in text


@pytest.mark.parametrize("workload", ["faq", "shelf"])
def test_endpoints_serve_the_model_that_the_pipeline_registers(workload: str) -> None:
    name = read(ROOT / f"conf/base/{workload}/parameters.yml")[workload]["registration"]["name"]
    for kind in ("online", "batch"):
        deployment = read(DEPLOY / f"endpoints/{workload}/{kind}-deployment.yml")
        assert deployment["model"] == f"azureml:{name}@latest"
        assert deployment["endpoint_name"] == read(DEPLOY / f"endpoints/{workload}/{kind}-endpoint.yml")["name"]
        assert deployment["environment"] == "azureml:triptych-serving@latest"
    assert f"{workload}) MODEL={name} ;;" in (DEPLOY / "common.sh").read_text(encoding="utf-8")


def test_the_endpoint_of_styles_serves_what_is_packed() -> None:
    deployment = read(DEPLOY / "endpoints/video/online-deployment.yml")
    assert deployment["model"] == "azureml:video-styles@latest"
    assert deployment["endpoint_name"] == read(DEPLOY / "endpoints/video/online-endpoint.yml")["name"]
    # Names are taken once a region, whatever the kind of the endpoint.
    assert deployment["endpoint_name"] != read(DEPLOY / "endpoints/video/batch-endpoint.yml")["name"]
    assert deployment["environment"] == "azureml:triptych-serving@latest"
    assert "video) MODEL=video-styles ;;" in (DEPLOY / "common.sh").read_text(encoding="utf-8")


def test_nobody_needs_a_key_to_call_an_endpoint() -> None:
    endpoints = list((DEPLOY / "endpoints").rglob("*-endpoint.yml"))
    assert len(endpoints) == 6
    assert {read(path)["auth_mode"] for path in endpoints} == {"aad_token"}


def test_schedules_submit_pipelines_that_there_are() -> None:
    from triptych.pipeline_registry import register_pipelines

    script = (DEPLOY / "schedule.sh").read_text(encoding="utf-8")
    submit = read(DEPLOY / "schedules/submit.yml")
    for path in SCHEDULES:
        assert path.stem in register_pipelines()
        assert path.stem in script
        job = read(path)["create_job"]
        assert job["job"] == "./submit.yml"
        assert job["inputs"].keys() == submit["inputs"].keys()
        assert job["inputs"]["pipeline"] == path.stem
    step = submit["jobs"]["submit"]["component"]
    assert (DEPLOY / "schedules" / step["code"]).resolve() == ROOT
    assert "triptych azure submit ${{inputs.pipeline}} " in step["command"]
    # A step whose inputs are the same as before would be passed over.
    assert step["is_deterministic"] is False
    assert submit["settings"]["force_rerun"] is True


def find_frozen(job: Any) -> list[str]:
    """Find the data assets whose versions Azure ML settles when the schedule is created, and never again."""
    if isinstance(job, dict):
        return [found for value in job.values() for found in find_frozen(value)]
    if isinstance(job, list):
        return [found for value in job for found in find_frozen(value)]
    return re.findall(r"^azureml:(\w+)@latest$", str(job))


def test_no_schedule_settles_which_data_are_the_latest() -> None:
    scheduled = [read(path)["create_job"] for path in SCHEDULES]
    assert find_frozen([*scheduled, read(DEPLOY / "schedules/submit.yml")]) == ["triptych"]  # the environment
    # As a schedule of the compiled pipeline would have it.
    assert find_frozen({"jobs": {"one": {"inputs": {"raw": {"path": "azureml:triptych_shelf_raw@latest"}}}}}) != []


SECRETS = re.compile(
    r"AccountKey=|SharedAccessSignature|[?&]sig=|-----BEGIN|client_?secret|[A-Za-z0-9+/]{86}==|sas_token|account_key",
    flags=re.IGNORECASE,
)
TEXTS = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.name != "requirements.lock"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(DEPLOY).as_posix())
def test_it_holds_no_secret(path: Path) -> None:
    assert not SECRETS.search(path.read_text(encoding="utf-8"))


def test_the_readme_lists_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for path in TEXTS:
        name = path.relative_to(DEPLOY).as_posix()
        parts = [name, *(f"{parent.as_posix()}/" for parent in Path(name).parents if parent != Path())]
        assert name == "README.md" or "build/" in name or any(f"`{part}`" in readme for part in parts), name


@pytest.mark.parametrize("setup", ["small", "production"])
def test_a_distributed_step_gets_all_the_nodes_it_waits_for(setup: str) -> None:
    parameters = json.loads(infra(f"{setup}.parameters.json"))["parameters"]
    shelf, video = (read(CONF / name / "parameters.yml")[name] for name in ("shelf", "video"))
    most = max(shelf["training"]["num_nodes"], video["style"]["num_nodes"])
    assert 1 < most <= parameters["gpuMaxNodes"]["value"]
