"""The process: load, then answer until the pipe is closed."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from .answers import Answerer

_logger = logging.getLogger("triptych.service.worker")


def make_answerer(spec: dict[str, Any]) -> Answerer:
    """Load what the parent asks for."""
    if spec["workload"] == "video":
        from .styles import Styles

        return Styles(spec["path"], spec["max_pixels"])
    from .tables import Tables

    return Tables(spec["workload"], spec["path"], spec["max_rows"], spec["max_joined_rows"], spec.get("log"))


def main() -> None:
    """Answer over the pipe whose number is the first argument, with what the second describes."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent says when to end
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    connection = Connection(int(sys.argv[1]))
    try:
        answerer = make_answerer(json.loads(sys.argv[2]))
    except Exception as error:
        _logger.exception("The model cannot be loaded")
        connection.send(("failed", " ".join(str(error).split()) or type(error).__name__))
        return
    gc.collect()
    gc.freeze()  # what was loaded stays, and needs no more rounds of the collector, a fifth of a second each
    connection.send(("ready", answerer.describe()))
    try:
        while True:
            connection.send(answerer.answer(connection.recv()))
    except (EOFError, ConnectionError):
        return
