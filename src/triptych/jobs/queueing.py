"""Hand out the ids of waiting jobs, in order: huey on SQLite.

It carries nothing but ids. What huey loses with a consumer that is killed (it takes a message out before the work
begins), and what a crash between noting a job and handing it on leaves out, the store still knows; an id that comes
twice is claimed once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

__all__ = ["JobQueue"]

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
        self._huey = SqliteHuey(
            "jobs",
            filename=str(folder / "queue.db"),
            timeout=_BUSY_S,
            results=False,
            serializer=_JsonSerializer(),
            strict_fifo=True,
        )

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
