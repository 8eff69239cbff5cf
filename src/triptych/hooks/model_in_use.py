"""Say which model a run uses that it has not made itself."""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

_logger = logging.getLogger(__name__)
_GIVEN_BY = {"faq.matcher": "faq_model", "shelf.model": "shelf_model"}


class ModelInUse:
    """Logs where the model comes from that a run only reads."""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Name the folder that was given, or say that it is that of the last run."""
        given = run_params.get("runtime_params") or {}
        for name in sorted(_GIVEN_BY.keys() & pipeline.inputs()):
            folder = given.get(_GIVEN_BY[name])
            _logger.info("%s is %s", name, folder or "that of the last run which made one")
