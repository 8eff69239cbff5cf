"""Pipelines of searches have as many nodes as their parameters ask for."""

from __future__ import annotations

import sys

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
        for name, pipeline in list(pipelines.items()):
            # Where Kedro's find_pipelines has found it.
            module = sys.modules.get(f"{PACKAGE_NAME}.pipelines.{name}")
            if module and any("rung_0" in node.tags for node in pipeline.nodes):
                pipelines[name] = module.create_pipeline()
