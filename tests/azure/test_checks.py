"""`triptych azure check` lets the project's own pipelines pass and names what is wrong with broken ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_azureml.config import ComputeConfig
from kedro_azureml.datasets import AzureMLAssetDataset
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework

from triptych.azure.compilation import Workbench, open_workbench
from triptych.azure.faults import find_faults
from triptych.azure.needs import list_needs
from triptych.datasets import JSONDataset, OptionalJSONDataset
from triptych.pipeline_registry import register_pipelines

PIPELINES = sorted(register_pipelines())
REMOTE = "abfs://work@account.dfs.core.windows.net/x.json"


@pytest.fixture(scope="module")
def bench(project: Path) -> Iterator[Workbench]:
    bootstrap_project(project)  # another test may have left pipelines of its own
    with open_workbench(project, "azure", {}) as bench:
        yield bench


def make(x: Any) -> Any:
    return x


@distributed_job(Framework.MPI, num_nodes=2)  # type: ignore[untyped-decorator]
def share(x: Any) -> Any:
    return x


def faults_of(bench: Workbench, *nodes: Node, **datasets: Any) -> list[str]:
    """Check a pipeline of `raw` (an asset) and whatever else is given."""
    from triptych.hooks.azure_catalog import wrap_outputs

    asset = AzureMLAssetDataset("asset", {"type": "triptych.datasets.FolderDataset", "filepath": "."})
    local = {name: value for name, value in datasets.items() if isinstance(value, dict)}
    catalog = DataCatalog.from_config(local)
    pipeline = Pipeline([*nodes])
    wrap_outputs(catalog, {"broken": pipeline})
    catalog["raw"] = asset
    for name in set(datasets) - set(local):
        catalog[name] = datasets[name]
    broken = Workbench("azure", {"broken": pipeline}, catalog, bench.config, {}, bench.runtime_params)
    return find_faults(broken, "broken")


def entry(name: str) -> dict[str, str]:
    return {"type": "triptych.datasets.JSONDataset", "filepath": f"data/{name}.json"}


@pytest.mark.parametrize("name", [name for name in PIPELINES if name != "__default__"])
def test_every_pipeline_of_the_project_passes(bench: Workbench, name: str) -> None:
    assert find_faults(bench, name) == []


def test_all_workloads_in_one_are_too_much_for_one_job(bench: Workbench) -> None:
    (fault,) = find_faults(bench, "__default__")
    assert re.match(r"the pipeline has \d+ outputs, and a run of Azure ML 20 at most", fault)


@pytest.mark.parametrize("name", PIPELINES)
def test_jobs_equal_nodes_and_run_where_their_tags_say(bench: Workbench, name: str) -> None:
    compiled = bench.compile(name)
    assert len(compiled.jobs) == len(compiled.pipeline.nodes)
    for node in compiled.pipeline.nodes:
        job = compiled.job_of(node.name)
        assert job is not None
        assert job["compute"] == f"azureml:{'gpu-cluster' if 'gpu' in node.tags else 'cpu-cluster'}"
        assert job["component"]["is_deterministic"] is ("deterministic" in node.tags)


@pytest.mark.parametrize("name", PIPELINES)
def test_everything_between_steps_goes_from_an_output_to_an_input(bench: Workbench, name: str) -> None:
    compiled = bench.compile(name)
    makers = {output: node.name for node in compiled.pipeline.nodes for output in node.outputs}
    jobs = {job["component"]["display_name"]: key for key, job in compiled.jobs.items()}
    for node in compiled.pipeline.nodes:
        job = compiled.jobs[jobs[node.name]]
        for dataset in set(node.inputs) & set(makers):
            key = dataset.replace(".", "_")
            source = f"${{{{parent.jobs.{jobs[makers[dataset]]}.outputs.{key}}}}}"
            assert job["inputs"][key]["path"] == source
            assert f"--az-input={dataset} " in job["component"]["command"]


def test_distributed_steps_take_their_nodes_from_the_parameters(bench: Workbench) -> None:
    steps = {step.name: step for step in list_needs(bench, bench.compile("__default__")).steps}
    trained, stylized = steps["shelf.train_detector"], steps["video.stylize_segments"]
    assert (trained.distribution, trained.nodes) == ("pytorch", bench.parameters["shelf"]["training"]["num_nodes"])
    assert (stylized.distribution, stylized.nodes) == ("mpi", bench.parameters["video"]["style"]["num_nodes"])
    assert {step.nodes for name, step in steps.items() if not step.distribution} == {1}


def test_all_nodes_of_a_rung_run_at_once(bench: Workbench) -> None:
    needs = list_needs(bench, bench.compile("shelf_tune"))
    assert needs.nodes_at_once == {"cpu-cluster": 1, "gpu-cluster": 4}
    assert needs.assets_read == ["triptych_shelf_raw"]


def test_a_sound_pipeline_passes(bench: Workbench) -> None:
    nodes = Node(make, "raw", "a", name="one"), Node(make, "a", "b", name="two")
    assert faults_of(bench, *nodes, a=entry("a"), b=entry("b")) == []


def test_names_that_become_one_are_refused(bench: Workbench) -> None:
    nodes = Node(make, "raw", "a", name="x.one_two"), Node(make, "raw", "b", name="x_one.two")
    (fault,) = faults_of(bench, *nodes, a=entry("a"), b=entry("b"))
    assert "x.one_two and x_one.two would become one step" in fault


def test_data_in_memory_between_steps_is_refused(bench: Workbench) -> None:
    nodes = Node(make, "raw", "a", name="one"), Node(make, "a", "b", name="two")
    (fault,) = faults_of(bench, *nodes, a=MemoryDataset(), b=entry("b"))
    assert fault.startswith("a, which one hands on, would not persist: MemoryDataset")


def test_a_result_in_the_code_folder_is_refused(bench: Workbench) -> None:
    node = Node(make, "raw", "a", name="one")
    (fault,) = faults_of(bench, node, a=JSONDataset(filepath="data/a.json"))
    assert fault.startswith("a, the result of one, would not persist")


def test_blob_storage_between_steps_is_refused_and_at_the_end_is_not(bench: Workbench) -> None:
    nodes = Node(make, "raw", "a", name="one"), Node(make, "a", "b", name="two")
    remote = OptionalJSONDataset(filepath=REMOTE)
    assert faults_of(bench, *nodes, a=entry("a"), b=remote) == []
    (fault,) = faults_of(bench, *nodes, a=remote, b=entry("b"))
    assert "is not what Azure passes on" in fault


def test_a_list_of_confirmed_files_in_the_code_folder_is_refused(bench: Workbench) -> None:
    node = Node(make, "raw", "a", name="one")
    kind = {"type": "triptych.datasets.ConfirmedFilesDataset"}
    assert faults_of(bench, node, a={**kind, "checkpoint": {"filepath": REMOTE}}) == []
    (fault,) = faults_of(bench, node, a={**kind, "checkpoint": {"filepath": "data/x.json"}})
    assert fault.startswith("a, the result of one, would not persist")


def test_ranks_that_write_to_one_place_are_refused(bench: Workbench) -> None:
    node = Node(share, "raw", "a", name="shared")
    (fault,) = faults_of(bench, node, a=OptionalJSONDataset(filepath=REMOTE))
    assert "all ranks of shared would write" in fault


def test_an_input_on_this_machine_is_refused(bench: Workbench, tmp_path: Path) -> None:
    node = Node(make, "mine", "a", name="one")
    (fault,) = faults_of(bench, node, a=entry("a"), mine=JSONDataset(filepath=str(tmp_path / "mine.json")))
    assert f"mine is read from {tmp_path}/mine.json on this machine" in fault


def test_reuse_of_what_azure_cannot_see_is_refused(bench: Workbench) -> None:
    node = Node(make, "seen", "a", name="one", tags=["deterministic"])
    (fault,) = faults_of(bench, node, a=entry("a"), seen=OptionalJSONDataset(filepath=REMOTE))
    assert "one is tagged deterministic, but Azure does not see changes of seen" in fault


def test_a_gpu_without_a_cluster_is_refused(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.config.azure, "compute", {"__default__": ComputeConfig(cluster_name="cpu-cluster")})
    (fault,) = faults_of(bench, Node(make, "raw", "a", name="one", tags=["gpu"]), a=entry("a"))
    assert "one is tagged gpu, which azureml.yml names no cluster for" in fault


def test_a_cluster_that_cannot_exist_is_refused(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.config.azure, "compute", {"__default__": ComputeConfig(cluster_name="{cluster_name}")})
    (fault,) = faults_of(bench, Node(make, "raw", "a", name="one"), a=entry("a"))
    assert "is no name of a cluster" in fault


def test_a_quote_in_params_is_refused(project: Path) -> None:
    with open_workbench(project, "azure", {"style_model": "it's.pth"}) as bench:
        (fault,) = find_faults(bench, "video")
    assert "a ' in --params" in fault


def test_more_outputs_than_a_run_may_have_are_refused(bench: Workbench) -> None:
    names = [f"a{number}" for number in range(21)]
    node = Node(lambda x: [x] * 21, "raw", names, name="one")
    faults = faults_of(bench, node, **{name: entry(name) for name in names})
    assert [fault.partition(",")[0] for fault in faults] == ["one has 21 outputs", "the pipeline has 21 outputs"]
    kept = Node(lambda x: [x] * 20, "raw", names[:20], name="one")
    assert faults_of(bench, kept, **{name: entry(name) for name in names[:20]}) == []


def test_a_uri_file_as_an_output_is_refused(bench: Workbench) -> None:
    file = AzureMLAssetDataset("asset", entry("a"), azureml_type="uri_file")
    (fault,) = faults_of(bench, Node(make, "raw", "a", name="one"), a=file)
    assert fault.startswith("cannot be compiled: ValueError")


def test_an_input_without_an_entry_is_refused(bench: Workbench) -> None:
    faults = faults_of(bench, Node(make, "nowhere", "a", name="one"), a=entry("a"))
    assert "nowhere is no entry of the catalog" in faults[0]
