"""Measures of what is asked, for the comparison with the reference that is kept beside the model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

_logger = logging.getLogger("triptych.service.worker")


class AskedLog:
    """Logs figures of what a model was asked, neither texts nor photos.

    Args:
        log: A `triptych.drift.request_log.RequestLog`, of the model's own source.
        model: What measures: an MLflow model's own Python object.
    """

    def __init__(self, log: Any, model: Any) -> None:
        self._log, self._model = log, model

    def add(self, table: Any, found: Any, params: dict[str, Any] | None) -> None:
        """Measure and log; what goes wrong here is in the service's log, and loses no answer."""
        try:
            self._log.add(self._model.measure(table, found, params))
        except Exception:
            _logger.exception("What was asked could not be logged")


def make_log(log: dict[str, Any], model: Any) -> AskedLog | None:
    """Open the log; a version that was registered before there was one cannot measure.

    Args:
        log: `folder`, and `max_mb` of it.
        model: In MLflow's format.
    """
    python_model = model.unwrap_python_model()
    if not hasattr(python_model, "measure"):
        _logger.warning("This version cannot measure what it is asked: nothing is logged. Register it anew")
        return None
    from triptych.drift.request_log import RequestLog

    return AskedLog(RequestLog(Path(log["folder"]), round(log["max_mb"] * 1e6)), python_model)
