"""Pipelines of the project as kedro-azureml turns them into jobs of Azure ML."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from triptych.log_levels import errors_only

__all__ = ["QUOTE_FAULT", "Compiled", "QuoteError", "Workbench", "open_workbench"]

QUOTE_FAULT = "a ' in --params would end the quotes around them in the step's command: leave it out"


class QuoteError(ValueError):
    """Parameters would end their quotes in the command of a step, and go on as words of a shell."""


@dataclass(frozen=True)
class Compiled:
    """A pipeline and the job made of it.

    Attributes:
        name: Name of the pipeline.
        pipeline: As registered.
        jobs: What Azure ML is told of each step, by the step's name.
    """

    name: str
    pipeline: Pipeline
    jobs: dict[str, dict[str, Any]]

    def job_of(self, node: str) -> dict[str, Any] | None:
        """Find the step of a node."""
        return next((job for job in self.jobs.values() if job["component"]["display_name"] == node), None)


@dataclass(frozen=True)
class Workbench:
    """A session of the project in an environment for Azure ML.

    Attributes:
        pipelines: All that are registered, by name.
        catalog: As the steps see it.
        config: kedro-azureml's configuration (`KedroAzureMLConfig`).
        parameters: All of the environment.
        runtime_params: Those of the command line.
    """

    environment: str
    pipelines: dict[str, Pipeline]
    catalog: DataCatalog
    config: Any
    parameters: dict[str, Any]
    runtime_params: dict[str, Any]

    @property
    def has_quotes(self) -> bool:
        """Whether parameters of the command line cannot stand in quotes."""
        return "'" in json.dumps(self.runtime_params)

    def entries(self, pipeline: Pipeline) -> dict[str, dict[str, Any]]:
        """Give the catalog entry of each dataset of a pipeline, those of patterns and wrappers included."""
        for name in pipeline.datasets():
            self.catalog.get(name)
        # Kedro puts the arguments of a signature that a class inherits one level down.
        return {name: {**entry, **entry.get("kwargs", {})} for name, entry in self.catalog.to_config()[0].items()}

    def compile(self, name: str) -> Compiled:
        """Compile one pipeline as `kedro azureml compile` does.

        Args:
            name: Its name.

        Raises:
            KeyError: If there is no such pipeline.
            ValueError: If kedro-azureml refuses it.
        """
        import yaml

        return Compiled(name, self.pipelines[name], yaml.safe_load(str(self.build(name)))["jobs"])

    def build(self, name: str, environment_name: str | None = None) -> Any:
        """Make the job of a pipeline, as it is submitted.

        Args:
            name: Its name.
            environment_name: Azure ML environment of the steps, `NAME:VERSION`; the one of azureml.yml if not given.

        Returns:
            The job (`azure.ai.ml.entities.PipelineJob`).

        Raises:
            KeyError: If there is no such pipeline.
            ValueError: If kedro-azureml refuses it.
        """
        from kedro_azureml.generator import AzureMLPipelineGenerator, ConfigException

        params = json.dumps(self.runtime_params) if self.runtime_params else ""
        generator = AzureMLPipelineGenerator(
            name, self.environment, self.config, self.parameters, self.catalog, environment_name, params=params
        )
        generator.get_kedro_pipeline = lambda: self.pipelines[name]
        try:
            return generator.generate()
        except ConfigException as error:  # no Exception
            raise ValueError(str(error)) from error


@contextmanager
def open_workbench(project: Path, environment: str, runtime_params: dict[str, Any]) -> Iterator[Workbench]:
    """Load configuration, parameters and catalog of an environment.

    Args:
        project: The project's folder.
        environment: One with an `azureml.yml`.
        runtime_params: Parameters of the command line.

    Raises:
        ParametersError: If parameters do not load.
        ValueError: If the environment has no `azureml.yml`.
    """
    from kedro.framework.project import pipelines
    from kedro_azureml.manager import KedroContextManager

    if not list((project / "conf" / environment).glob("azureml*.y*ml")):
        raise ValueError(f"conf/{environment} has no azureml.yml: name an environment that is for Azure ML (--env)")
    with _quiet(), KedroContextManager(environment, str(project), runtime_params) as manager:
        context = manager.context
        yield Workbench(
            environment, dict(pipelines), context.catalog, manager.plugin_config, context.params, dict(runtime_params)
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Spare the reader what Azure's SDK says of its own experimental classes."""
    with errors_only("azure.ai.ml._utils._experimental"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sanitize(name: str) -> str:
    """Write a node's name as Azure ML writes the step's: two that differ in `.` and `_` alone become one."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())
