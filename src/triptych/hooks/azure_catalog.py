"""One catalog for laptop and cluster: on Azure ML, what steps hand on goes through Azure's own storage mounts.

kedro-azureml passes on what is an `AzureMLPipelineDataset` (ours is a `MountedDataset`); a local path that is not would
be written into the copy of the code that the step runs in, and lost. So in every environment with an `azureml.yml`,
each dataset that a node makes and that lies on this machine is put into that wrapper. What lies elsewhere (`abfs://`,
`file://`) stays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.validation import validate_dataset

from triptych.hooks.registered_pipelines import load_all_pipelines
from triptych.log_levels import errors_only

_logger = logging.getLogger(__name__)
_PATTERNS = ["azureml*", "azureml*/**", "**/azureml*"]
_PATH_KEYS = ("filepath", "path")
_KEPT = ("metadata", "validator")  # by the wrapper's entry
_DROPPED = (*_KEPT, "versioned", "credentials")  # a mount has neither


class AzureCatalog:
    """Does the work of kedro-azureml's own hook as well, which insists on an `azureml.yml` in every environment."""

    def __init__(self) -> None:
        self._config: Any = None
        self._checked: DataCatalog | None = None

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """See whether this environment is for Azure ML.

        Args:
            context: The context of the session.
        """
        loader: Any = context.config_loader
        loader.config_patterns.setdefault("azureml", _PATTERNS)
        self._config = None
        try:
            config = loader["azureml"]
        except MissingConfigException:
            return
        if config:
            from kedro_azureml.config import AzureMLConfig

            self._config = AzureMLConfig(**config["azure"])

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Wrap what lies on this machine and is made by a node, and tell data assets their workspace.

        Args:
            catalog: The catalog of the run.
        """
        if self._config is None:
            return
        wrap_outputs(catalog, load_all_pipelines())
        for _, asset in _assets(catalog):
            asset.azure_config = self._config

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Tell data assets whether they are mounted.

        Args:
            run_params: Options of the run.
            pipeline: What is about to run.
            catalog: Its datasets.
        """
        if self._config is None:
            return
        for name, asset in _assets(catalog):
            if is_azure_step(run_params):
                asset.as_remote()
            elif name not in pipeline.inputs():
                asset.as_local_intermediate()
        # kedro-azureml's runner copies the datasets, not their validators.
        self._checked = catalog if is_azure_step(run_params) else None

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Check what a step has loaded.

        Args:
            dataset_name: Its name.
            data: What was loaded.
        """
        self._check(dataset_name, data, "load")

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Check what a step is about to save.

        Args:
            dataset_name: Its name.
            data: What is to be saved.
        """
        self._check(dataset_name, data, "save")

    def _check(self, name: str, data: Any, mode: str) -> None:
        spec = self._checked.validator_specs.get(name) if self._checked is not None else None
        if spec is None or not spec.enabled or mode not in spec.on:
            return
        result = validate_dataset(self._checked, name, data)
        if spec.severity == "warn" and not result:
            _logger.warning("%s", result.message)
        else:
            result.raise_if_failed()


def _assets(catalog: DataCatalog) -> Iterator[tuple[str, Any]]:
    from kedro_azureml.datasets import AzureMLAssetDataset

    for name in catalog.filter():
        if isinstance(dataset := catalog[name], AzureMLAssetDataset):
            yield name, dataset


def wrap_outputs(catalog: DataCatalog, pipelines: dict[str, Pipeline]) -> None:
    """Put every local dataset that a node of a pipeline makes into kedro-azureml's wrapper.

    The file or folder keeps its name, in whichever folder Azure mounts for it. Validators stay with the catalog.

    Args:
        catalog: Its entries are replaced.
        pipelines: All that are registered, by name.
    """
    for name in sorted({name for pipeline in pipelines.values() for name in pipeline.all_outputs()}):
        config = catalog.config_resolver.resolve_pattern(name)
        if key := _path_key(config):
            with errors_only("kedro.io.data_catalog"):  # which warns of every entry that is replaced
                catalog._add_from_config(name, _wrap(config, key))
        else:
            catalog.get(name)  # so that one of a pattern becomes an entry: kedro-azureml sees no others


def _wrap(config: dict[str, Any], key: str) -> dict[str, Any]:
    plain = {option: value for option, value in config.items() if option not in _DROPPED}
    plain[key] = PurePosixPath(str(config[key])).name
    kept = {option: config[option] for option in _KEPT if option in config}
    return {"type": "triptych.datasets.MountedDataset", "dataset": plain, "filepath_arg": key, **kept}


def _path_key(config: dict[str, Any]) -> str | None:
    """Name the option that holds a path on this machine; None if there is none, or it is a wrapper's."""
    if "dataset" in config:
        return None
    return next((key for key in _PATH_KEYS if key in config and "://" not in str(config[key])), None)


def is_azure_step(run_params: Mapping[str, Any]) -> bool:
    """Tell whether a run is a step of a job of Azure ML.

    Args:
        run_params: What Kedro tells hooks of the run; the runner is the text of an object.
    """
    return "AzurePipelinesRunner" in str(run_params.get("runner"))
