"""In an environment for Azure ML what nodes hand on goes through mounts; elsewhere nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.validation.exceptions import DataValidationError
from kedro_azureml.datasets import AzureMLAssetDataset, AzureMLPipelineDataset

from triptych.datasets import LandingFolderDataset, OptionalJSONDataset, WorkFolderDataset
from triptych.hooks.azure_catalog import AzureCatalog, wrap_outputs
from triptych.pipeline_registry import register_pipelines

PIPELINES = register_pipelines()
LoadCatalog = Callable[..., DataCatalog]
OUTPUTS = sorted({name for pipeline in PIPELINES.values() for name in pipeline.all_outputs()})


@pytest.fixture
def load_catalog(project: Path, own_tracking: dict[str, str], restored: None) -> LoadCatalog:
    bootstrap_project(project)  # another test may have left pipelines of its own

    def load(environment: str, **params: str) -> DataCatalog:
        with KedroSession.create(project, env=environment, runtime_params={**own_tracking, **params}) as session:
            catalog: DataCatalog = session.load_context().catalog  # type: ignore[attr-defined]
            return catalog

    return load


def test_every_output_is_on_a_mount_or_in_blob_storage(load_catalog: LoadCatalog) -> None:
    catalog = load_catalog("azure")
    others = {name for name in OUTPUTS if not isinstance(catalog.get(name), AzureMLPipelineDataset)}
    lasting = {"faq.ranker_best", "faq.reference_best", "shelf.detector_best"}
    assert others == {*lasting, "video.confirmed"}
    assert "abfs://" in str(catalog["video.confirmed"])
    for name in lasting:
        dataset: Any = catalog.get(name)
        assert isinstance(dataset, OptionalJSONDataset)
        assert dataset._protocol == "abfs"
        assert name in catalog.filter()  # kedro-azureml sees no others


def test_a_run_of_one_pipeline_knows_what_the_others_make(
    project: Path, own_tracking: dict[str, str], restored: None
) -> None:
    """Kedro then loads that one alone; what a search of another left is an input of it."""
    bootstrap_project(project)
    pipelines.set_requested(["faq"])
    try:
        session: Any  # typed as the abstract one by Kedro
        with KedroSession.create(project, env="azure", runtime_params=own_tracking) as session:
            catalog = session.load_context().catalog
        assert isinstance(catalog.get("shelf.photos"), AzureMLPipelineDataset)
        assert "faq.ranker_best" in catalog.filter()
        assert set(pipelines) == {"faq"}
    finally:
        pipelines.set_requested(None)


def test_a_mount_holds_the_file_under_its_own_name(load_catalog: LoadCatalog) -> None:
    catalog = load_catalog("azure", data_root="/elsewhere")
    expected = {"faq.posts": "posts.parquet", "shelf.photos": "photos", "faq.ranker_trials_r0_03": "trials_r0_03"}
    for name, file in expected.items():
        dataset: Any = catalog.get(name)
        dataset.root_dir = "/mnt/output"
        assert dataset.path == Path("/mnt/output") / file


def test_work_and_landing_folders_stay_what_they_are(load_catalog: LoadCatalog) -> None:
    catalog = load_catalog("azure", work_root="file:///tmp/work")
    for name in ("shelf.checkpoints", "shelf.scored", "video.segments", "video.records"):
        assert type(catalog.get(name)) is WorkFolderDataset
    assert type(catalog.get("video.landing")) is LandingFolderDataset
    assert isinstance(catalog.get("shelf.raw"), AzureMLAssetDataset)


@pytest.mark.parametrize("environment", ["local", "test"])
def test_on_a_laptop_nothing_is_wrapped(load_catalog: LoadCatalog, environment: str) -> None:
    catalog = load_catalog(environment)
    assert not any(isinstance(catalog.get(name), AzureMLPipelineDataset) for name in OUTPUTS)


def test_validators_and_layers_are_kept(load_catalog: LoadCatalog) -> None:
    local, azure = load_catalog("test"), load_catalog("azure")
    assert azure.validators.keys() >= {"faq.links", "faq.posts", "shelf.roles", "faq.new_questions"}
    assert azure.validators == local.validators
    for name in OUTPUTS:
        dataset: Any = azure.get(name)
        assert dataset.metadata["kedro-viz"]["layer"]


def make_table(path: str) -> pd.DataFrame:
    return pd.DataFrame({"role": [path]})


def test_a_step_checks_what_it_saves(tmp_path: Path) -> None:
    table = {"type": "triptych.datasets.CSVDataset", "filepath": str(tmp_path / "roles.csv")}
    table |= {"validator": "triptych.shelf.schemas.ROLES"}
    catalog = DataCatalog.from_config({"shelf.roles": table})
    pipeline = Pipeline([Node(make_table, "name", "shelf.roles", name="make_table")])
    catalog["name"] = "x"
    wrap_outputs(catalog, {"all": pipeline})

    hook = AzureCatalog()
    hook._config = "that of an azureml.yml"
    hook.before_pipeline_run(
        {"runner": "<kedro_azureml.runner.AzurePipelinesRunner object at 0x7f>"}, pipeline, catalog
    )
    with pytest.raises(DataValidationError, match="shelf.roles"):
        hook.before_dataset_saved("shelf.roles", make_table("x"))
    hook.before_pipeline_run({"runner": "<kedro.runner.SequentialRunner object at 0x7f>"}, pipeline, catalog)
    hook.before_dataset_saved("shelf.roles", make_table("x"))  # the catalog itself does it there


def test_a_wrapped_dataset_goes_to_its_mount(tmp_path: Path) -> None:
    entry = {"type": "triptych.datasets.JSONDataset", "filepath": "data/08_reporting/metrics.json"}
    catalog = DataCatalog.from_config({"metrics": entry})
    wrap_outputs(catalog, {"all": Pipeline([Node(make_table, "name", "metrics", name="make_table")])})
    dataset: Any = catalog.get("metrics")
    dataset.root_dir = str(tmp_path)
    dataset.save({"a": 1})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1}
