"""Refuse wrong parameters before anything is loaded, and give nodes fully typed ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from triptych.parameters import ParametersError, build_parameters, runtime_names, with_sources


class ParameterCheck:
    """Checks the parameters of all pipelines, not only those of the one that runs.

    A typo in any parameters file of the environment thus shows at the first run of anything.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters and hand Kedro values of the right types.

        Args:
            context: The context of the session.

        Raises:
            ParametersError: If any parameter is wrong, unknown or missing; lists all of them.
        """
        from kedro.framework.project import pipelines

        loader = context.config_loader
        runtime = dict(loader.runtime_params or {})
        folders = _configuration_folders(loader)
        # Configuration read from an archive or a remote store is not searched for names.
        names = runtime_names(folders) if folders else None
        parameters = loader["parameters"]
        self._values, problems = build_parameters(parameters, dict(pipelines), runtime, names)
        if problems:
            raise ParametersError(with_sources(problems, folders, runtime, context.project_path))
        for key, value in self._values.items():
            _replace(parameters, key.split("."), value)
        loader["parameters"] = parameters

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Put the typed values into the catalog.

        Kedro builds those of the requested pipelines only, and matches arguments by position.

        Args:
            catalog: The catalog of the run.
        """
        for key, value in self._values.items():
            dataset = catalog[f"params:{key}"]
            if dataset.load() != value:
                dataset.save(value)  # replacing it in the catalog would be logged as a warning


def _configuration_folders(loader: Any) -> list[Path]:
    names = [loader.base_env, loader.env or loader.default_run_env]
    folders = [Path(loader.conf_source) / name for name in dict.fromkeys(names)]
    return [folder for folder in folders if folder.is_dir()]


def _replace(parameters: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a typed value where the raw one was, its outer block still a dict: Kedro builds that one."""
    for name in path[:-1]:
        parameters = parameters[name]
    if dataclasses.is_dataclass(value) and isinstance(parameters[path[-1]], Mapping):
        block = parameters[path[-1]]
        parameters[path[-1]] = {name: getattr(value, name) for name in block}
    else:
        parameters[path[-1]] = value
