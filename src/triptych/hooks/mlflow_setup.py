"""Things kedro-mlflow leaves to the project: where data lies relative to what, and typed parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from triptych.hooks.azure_catalog import is_azure_step

_SQLITE = "sqlite:///"


class MlflowSetup:
    """Runs before kedro-mlflow's own hook and changes what that one sees."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Make `sqlite:///mlflow.db` mean the project's folder, and let a server keep artifacts where it does.

        Args:
            context: The context of the session.
        """
        loader: Any = context.config_loader  # config_patterns is OmegaConfigLoader's own
        loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
        try:
            config = loader["mlflow"]
        except MissingConfigException:
            return
        server = config.get("server") or {}
        uri = server.get("mlflow_tracking_uri") or ""
        if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).is_absolute():
            server["mlflow_tracking_uri"] = f"{_SQLITE}{context.project_path / uri.removeprefix(_SQLITE)}"
            loader["mlflow"] = config
        if uri.startswith(("http://", "https://")) and _forget_folder(config):
            loader["mlflow"] = config

    @hook_impl(trylast=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Call the run that Azure ML made for a step by its node: kedro-mlflow calls all by the pipeline.

        Args:
            run_params: Options of the run.
            pipeline: The one node of the step.
        """
        mlflow = sys.modules.get("mlflow")
        if is_azure_step(run_params) and mlflow and mlflow.active_run():
            mlflow.set_tag("mlflow.runName", ", ".join(node.name for node in pipeline.nodes))

    @hook_impl(tryfirst=True)
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Show dicts where nodes take models, which are logged field by field.

        kedro-mlflow flattens dicts (`faq.split.test_share`) but logs a model as one long text. Kedro
        passes hooks a copy of the inputs, so what the node receives is not touched.

        Args:
            inputs: The hooks' own copy of the inputs of the node that is about to run.
        """
        for name, value in inputs.items():
            if name.startswith("params:") and isinstance(value, BaseModel):
                inputs[name] = value.model_dump()


def _forget_folder(config: dict[str, Any]) -> bool:
    """Drop a plain folder as the place of a new experiment's artifacts; tell whether there was one.

    Beside a server it would be a folder of whichever machine a step runs on.
    """
    experiment = (config.get("tracking") or {}).get("experiment") or {}
    options = experiment.get("create_experiment_kwargs") or {}
    if "://" in (options.get("artifact_location") or "://"):
        return False
    del options["artifact_location"]
    return True
