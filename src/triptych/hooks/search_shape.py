"""Pipelines of searches have as many nodes as their parameters ask for."""

from __future__ import annotations

from importlib import import_module

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from triptych.tuning.pipeline import use_parameters


class SearchShape:
    """Hands the parameters of a run to the pipelines that are searches.

    Kedro asks for the pipelines after this hook only, or again. On Azure ML each step is given the parameters that the
    job was compiled with, and so finds its node.
    """

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Create such pipelines anew; ParameterCheck has built the parameters by now.

        Args:
            context: The context of the session.
        """
        from kedro.framework.project import PACKAGE_NAME, pipelines

        use_parameters(context.config_loader["parameters"])
        if any("rung_0" in node.tags for pipeline in pipelines.values() for node in pipeline.nodes):
            pipelines.update(import_module(f"{PACKAGE_NAME}.pipeline_registry").register_pipelines())
