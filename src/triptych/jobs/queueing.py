"""Hand out the ids of waiting jobs, in order: huey on SQLite.

It carries nothing but ids. What huey loses with a consumer that is killed (it takes a message out before the work
begins), and what a crash between noting a job and handing it on leaves out, the store still knows; an id that comes
twice is claimed once.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from triptych.errors import InputError

__all__ = ["JobQueue"]

_logger = logging.getLogger(__name__)
_BUSY_S = 30


class _JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON: huey's pickles would run what anybody wrote into the file."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(bytes(data)))


class JobQueue:
    """The queue of a folder; processes and threads may share it.

    Args:
        folder: Where it is kept; exists.
        run: Called with the id of each job that is taken.
    """

    def __init__(self, folder: Path, run: Callable[[str], None] | None = None) -> None:
        self._huey = _open(folder / "queue.db")

        def run_job(job_id: str) -> None:  # by this name it is known in every process
            if run is None:
                raise RuntimeError(f"{job_id}: this process only hands jobs on")
            run(job_id)

        self._put = self._huey.task()(run_job)

    def put(self, job_id: str) -> None:
        """Put a job behind all others."""
        self._put(job_id)

    def take(self) -> bool:
        """Take the first job and run it; tell whether there was one.

        What cannot be read is gone then, and is no reason to stop.
        """
        task = self._huey.dequeue()
        if task is None:
            return False
        self._huey.execute(task)
        return True


def _open(path: Path) -> SqliteHuey:
    """Open a queue; one that is damaged is moved away, as all that it held is in the store."""
    try:
        return _make(path)
    except sqlite3.OperationalError as error:  # locked, or not to be written
        raise InputError(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        _logger.warning("%s is made anew: %s", path, error)
        for ending in ("", "-wal", "-shm"):
            part = path.with_name(f"{path.name}{ending}")
            with suppress(FileNotFoundError):
                part.replace(path.with_name(f"{path.name}.damaged{ending}"))
        return _make(path)


def _make(path: Path) -> SqliteHuey:
    options = {"timeout": _BUSY_S, "results": False, "serializer": _JsonSerializer(), "strict_fifo": True}
    return SqliteHuey("jobs", filename=str(path), **options)
