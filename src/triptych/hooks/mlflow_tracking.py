"""kedro-mlflow's own hook, shown what the project leaves to it: typed parameters, and where data lies relative to what.

settings.py keeps Kedro from calling the plugin, so that what is changed for it no other hook sees.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from triptych import distributed
from triptych.hooks.azure_catalog import is_azure_step

_SQLITE = "sqlite:///"
# Outlives the hook, which a notebook's %reload_kedro makes anew.
_STARTED = "TRIPTYCH_MLFLOW_RUN"


def hooks_of_rank_0() -> tuple[MlflowTracking, ...]:
    """Return the hooks for `HOOKS` that must not run on other ranks, where there are any."""
    return (MlflowTracking(),) if distributed.is_primary() else ()


class MlflowTracking:
    """Passes all that Kedro says on to kedro-mlflow."""

    _shortens = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Make `sqlite:///mlflow.db` mean the project's folder, and let a server keep artifacts where it does.

        Args:
            context: The context of the session.
        """
        loader: Any = context.config_loader  # config_patterns is OmegaConfigLoader's own
        loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
        with contextlib.suppress(MissingConfigException):  # kedro-mlflow says so
            loader["mlflow"] = settle_paths(loader["mlflow"], context.project_path)
        _end_interrupted()
        _plugin().after_context_created(context)

    @hook_impl
    def after_catalog_created(
        self,
        catalog: DataCatalog,
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str],
    ) -> None:
        """Let kedro-mlflow call its metrics by the names of their datasets."""
        _plugin().after_catalog_created(catalog, conf_catalog, conf_creds, parameters, save_version, load_versions)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start the MLflow run, or call the one that Azure ML made for a step by its node.

        Args:
            run_params: Options of the run.
            pipeline: What is about to run; the one node of a step.
            catalog: Its datasets.
        """
        import mlflow

        self._shortens = is_azure_step(run_params)
        before = mlflow.active_run()
        _plugin().before_pipeline_run(run_params, pipeline, catalog)
        run = mlflow.active_run()
        if run and not before:
            os.environ[_STARTED] = run.info.run_id
        if is_azure_step(run_params) and run:
            # kedro-mlflow calls all by the pipeline.
            mlflow.set_tag("mlflow.runName", ", ".join(node.name for node in pipeline.nodes))

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool) -> None:
        """Log the node's parameters one by one (`faq.split.test_share`).

        Args:
            node: The node that is about to run.
            catalog: The catalog of the run.
            inputs: Its inputs; shared by all hooks, so kedro-mlflow, which flattens dicts only, gets a copy.
            is_async: Whether it loads and saves in threads.
        """
        from pydantic import TypeAdapter

        parameters = {name: value for name, value in inputs.items() if name.split(":")[0] in ("params", "parameters")}
        as_dicts = TypeAdapter(dict[str, Any]).dump_python(parameters)
        if self._shortens:  # kedro-mlflow cuts at the limit of MLflow's own server
            as_dicts = _shorten(as_dicts)
        _plugin().before_node_run(node, catalog, as_dicts, is_async)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """End the MLflow run."""
        _plugin().after_pipeline_run(run_params, pipeline, catalog)

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """End the MLflow run as a failed one."""
        _plugin().on_pipeline_error(error, run_params, pipeline, catalog)


def _shorten(values: dict[str, Any]) -> dict[str, Any]:
    from triptych.registry.registration import shorten_parameter

    short: dict[str, Any] = {}
    for key, value in values.items():
        text = shorten_parameter(value)
        short[key] = _shorten(value) if isinstance(value, dict) else value if text == str(value) else text
    return short


def _end_interrupted() -> None:
    """End the run of a session that was interrupted from the keyboard, of which Kedro tells no hook.

    In a notebook it would stay active, and the next session would write into it.
    """
    mlflow = sys.modules.get("mlflow")
    started = os.environ.pop(_STARTED, None)
    active = mlflow.active_run() if mlflow else None
    if mlflow and active and active.info.run_id == started:
        mlflow.end_run("KILLED")


def _plugin() -> Any:
    """Return kedro-mlflow's hook; importing it takes seconds, which commands without a session are spared."""
    from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

    return mlflow_hook


def settle_paths(config: dict[str, Any], project_path: Path) -> dict[str, Any]:
    """Complete what mlflow.yml leaves to the place it is used at.

    Args:
        config: What stands in mlflow.yml; changed in place.
        project_path: The folder that a relative SQLite file lies in.

    Returns:
        The configuration. Beside a server, a plain folder as the place of a new experiment's artifacts is gone: it
        would be a folder of whichever machine a step runs on.
    """
    server = config.get("server") or {}
    uri = server.get("mlflow_tracking_uri") or ""
    if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).is_absolute():
        server["mlflow_tracking_uri"] = f"{_SQLITE}{project_path / uri.removeprefix(_SQLITE)}"
    experiment = (config.get("tracking") or {}).get("experiment") or {}
    options = experiment.get("create_experiment_kwargs") or {}
    if uri.startswith(("http://", "https://")) and "://" not in (options.get("artifact_location") or "://"):
        del options["artifact_location"]
    return config
