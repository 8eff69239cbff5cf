"""Jobs, and answers to them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, Protocol

Job = dict[str, Any]
Answer = tuple[int, str, bytes]
"""Status, media type and body."""
JSON = "application/json"

_logger = logging.getLogger("triptych.service.worker")


class RefusedError(ValueError):
    """A job that cannot be done as it was asked for; the message is for who asked."""


class Answerer(Protocol):
    """What answers jobs."""

    def describe(self) -> dict[str, Any]:
        """Say what it offers."""

    def answer(self, jobs: Sequence[Job]) -> list[Answer]:
        """Answer jobs, one by one or joined."""


def write_predictions(rows: list[dict[str, Any]]) -> Answer:
    """Write what was found as MLflow does."""
    return 200, JSON, json.dumps({"predictions": rows}).encode()


def explain(error: Exception) -> Answer:
    """Make an answer of an error: the asker's, with its reason, or ours, with the reason in the log only."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, RefusedError):
        return _problem(400, "BAD_REQUEST", str(error))
    if isinstance(error, MlflowException) and error.get_http_status_code() == 400:  # type: ignore[no-untyped-call]
        return _problem(400, str(error.error_code), str(error.message))
    _logger.error("The model failed", exc_info=error)
    return _problem(500, "INTERNAL_ERROR", "the model failed; the service's log has the reason")


def _problem(status: int, code: str, message: str) -> Answer:
    return status, JSON, json.dumps({"error_code": code, "message": message}).encode()
