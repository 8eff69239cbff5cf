"""Every YAML of deploy/ is what azure-ai-ml takes it for, and a typo in any of them is refused."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml._schema.component.spark_component import SparkComponentSchema
from azure.ai.ml.entities import _load_functions as load

from tests.deploy.conftest import DEPLOY


def load_spark_component(source: str) -> Any:
    """Load a component; azure-ai-ml itself takes any key of one."""
    component = load.load_component(source=source)
    schema: Any = SparkComponentSchema
    known = {"$schema", *schema(context={"base_path": Path(source).parent}).fields}
    if unknown := yaml.safe_load(Path(source).read_text(encoding="utf-8")).keys() - known:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return component


# Schema -> what reads it, and a value that is none of those allowed.
LOADERS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "amlCompute": (load.load_compute, ("tier", "lowpriorty")),
    "azureBlob": (load.load_datastore, ("type", "azure_blobb")),
    "batchEndpoint": (load.load_batch_endpoint, ("auth_mode", "token")),
    "data": (load.load_data, ("type", "uri_foldr")),
    "environment": (load.load_environment, ("os_type", "linx")),
    "managedOnlineDeployment": (load.load_online_deployment, ("request_settings", "request_timeout", "1")),
    "managedOnlineEndpoint": (load.load_online_endpoint, ("auth_mode", "aad")),
    "modelBatchDeployment": (load.load_model_batch_deployment, ("settings", "output_action", "append_rows")),
    "monitorSchedule": (load.load_schedule, ("trigger", "frequency", "weekly")),
    "pipelineJob": (load.load_job, ("jobs", "submit", "component", "type", "comand")),
    "pipelineComponentBatchDeployment": (load.load_pipeline_component_batch_deployment, ("type", "pipline")),
    "registry": (load.load_registry, ("public_network_access", "opne")),
    "sparkComponent": (load_spark_component, ("type", "sparc")),
    "schedule": (load.load_schedule, ("trigger", "type", "recurence")),
}
# What is not Azure ML's is read by somebody else: conda.
FOREIGN = {"endpoints/serving/conda.yml"}
FILES = sorted(
    path.relative_to(DEPLOY).as_posix()
    for path in DEPLOY.rglob("*.y*ml")
    if "build" not in path.relative_to(DEPLOY).parts
)
OURS = [name for name in FILES if name not in FOREIGN]
each_file = pytest.mark.parametrize("name", OURS)


def schema_of(path: Path) -> str:
    address: str = yaml.safe_load(path.read_text(encoding="utf-8")).get("$schema", "")
    return address.rpartition("/")[2].removesuffix(".schema.json")


def read(path: Path) -> Any:
    with contextlib.redirect_stderr(io.StringIO()):
        return LOADERS[schema_of(path)][0](source=str(path))


def refusal(path: Path) -> str:
    """Say why a file is refused; for monitors azure-ai-ml trips over its own message, and the reason lies behind it."""
    reasons = []
    with pytest.raises(Exception) as info:  # noqa: PT011 - the reason is what is looked at
        read(path)
    error: BaseException | None = info.value
    while error is not None:
        reasons.append(str(error))
        error = error.__context__
    return "\n".join(reasons)


def change(path: Path, *keys_and_value: str) -> None:
    *keys, last, value = keys_and_value
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    place = content
    for key in keys:
        place = place[key]
    place[last] = value
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def test_nothing_is_forgotten() -> None:
    assert len(OURS) > 20
    assert set(FILES) >= FOREIGN
    assert {schema_of(DEPLOY / name) for name in OURS} == set(LOADERS)


@each_file
def test_it_loads(name: str, deploy_copy: Path) -> None:
    entity = read(deploy_copy / name)
    content = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    assert entity.name == content.get("name")


def test_schedules_can_be_sent() -> None:
    for path in (DEPLOY / "schedules").glob("*.yml"):
        if schema_of(path) == "schedule":
            job = read(path).create_job._to_rest_object().properties.as_dict()
            assert job["inputs"]["pipeline"]["value"] == path.stem
            assert list(job["jobs"]) == ["submit"]
            # As schedule.sh gives them.
            given = {"create_job.inputs.environment": "triptych:abc", "create_job.inputs.commit": "c0ffee"}
            changed = load.load_schedule(source=str(path), params_override=[given])
            inputs = changed.create_job._to_rest_object().properties.as_dict()["inputs"]
            assert {name: value["value"] for name, value in inputs.items()} == {
                "pipeline": path.stem,
                "environment": "triptych:abc",
                "commit": "c0ffee",
            }


@each_file
def test_an_unknown_key_is_refused(name: str, deploy_copy: Path) -> None:
    change(deploy_copy / name, "descripton", "a typo")
    assert "descripton" in refusal(deploy_copy / name)


@each_file
def test_a_wrong_value_is_refused(name: str, deploy_copy: Path) -> None:
    wrong = LOADERS[schema_of(deploy_copy / name)][1]
    change(deploy_copy / name, *wrong)
    assert wrong[-1] in refusal(deploy_copy / name) or wrong[-2] in refusal(deploy_copy / name)


@each_file
def test_every_local_path_leads_to_something(name: str, deploy_copy: Path) -> None:
    for value in strings(yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))):
        if value.startswith(("../", "./")):
            assert ((deploy_copy / name).parent / value).exists(), value


@pytest.mark.parametrize("workload", ["faq", "shelf"])
def test_monitors_write_of_every_signal(workload: str) -> None:
    """A signal says nothing, whatever address there is, unless it is told to: azure-ai-ml's own default."""
    monitor = read(DEPLOY / f"monitoring/{workload}.yml").create_monitor
    sent = monitor._to_rest_object(default_data_window_size="P7D", ref_data_window_size="P28D").as_dict()
    assert sent["monitoringTarget"]
    assert {name: signal["mode"] for name, signal in sent["signals"].items()} == dict.fromkeys(
        monitor.monitoring_signals, "Enabled"
    )


CORES = {"Standard_DS3_v2": 4, "Standard_DS4_v2": 8}


@pytest.mark.parametrize("workload", ["faq", "shelf", "video"])
def test_the_load_of_a_server_shows_in_that_of_its_cores(workload: str) -> None:
    """Autoscaling goes by the load of all cores: as many threads as there are of them, and no request beside them."""
    content = yaml.safe_load((DEPLOY / f"endpoints/{workload}/online-deployment.yml").read_text(encoding="utf-8"))
    variables = content["environment_variables"]
    workers = int(variables["WORKER_COUNT"])
    assert workers * int(variables["OMP_NUM_THREADS"]) == CORES[content["instance_type"]]
    assert content["request_settings"]["max_concurrent_requests_per_instance"] == workers
    assert content["request_settings"]["request_timeout_ms"] <= 180_000  # Azure's most


def test_no_server_reports_usage() -> None:
    for path in (DEPLOY / "endpoints").glob("*/*-deployment.yml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        told = content.get("environment_variables", {}).get("MLFLOW_DISABLE_TELEMETRY")
        assert told == "true" or content["type"] == "pipeline", path


def strings(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [text for value in content.values() for text in strings(value)]
    if isinstance(content, list):
        return [text for value in content for text in strings(value)]
    return [content] if isinstance(content, str) else []
