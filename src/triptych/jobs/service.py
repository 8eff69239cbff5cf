"""What can be done with jobs; the command line, the routes and the watcher call this."""

from __future__ import annotations

import codecs
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.jobs.attempts import Attempt
from triptych.jobs.checking import RequestChecker
from triptych.jobs.queueing import JobQueue
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, JobStore

__all__ = ["Jobs", "Progress"]

_logger = logging.getLogger(__name__)
_LONGEST_LETTER = 4  # bytes, of UTF-8
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        steps_done: Nodes that are done; None before the first.
        steps: Nodes there are.
        line: What was said last.
    """

    steps_done: int | None
    steps: int | None
    line: str


class Jobs:
    """The jobs of a folder.

    Args:
        settings: What they may do.
    """

    def __init__(self, settings: JobSettings) -> None:
        self.settings = settings
        self._store = JobStore(settings.folder)
        self._queue = JobQueue(settings.folder)
        self._checker = RequestChecker(settings)

    def submit(
        self, pipeline: str, parameters: Mapping[str, Any], environment: str = "local", key: str | None = None
    ) -> tuple[Job, bool]:
        """Ask for a run.

        Args:
            pipeline: A registered one.
            parameters: As for `kedro run --params`, by dotted names or nested.
            environment: Of the configuration.
            key: Idempotency key, 1 to 200 visible ASCII letters: who does not know whether a request came through
                sends it again with the same key, and gets the same job.

        Returns:
            The job, and whether it is new.

        Raises:
            RefusedError: If it may not be run.
            KeyReusedError: If the key belongs to another job.
            QueueFullError: If too many jobs wait.
            ValueError: If the key is none.
        """
        if key is not None and not _KEY.fullmatch(key):
            raise ValueError("an idempotency key has 1 to 200 visible ASCII letters")
        request = self._checker.check(pipeline, parameters, environment)
        job, is_new = self._store.add(request, self.settings.most_queued, key)
        if is_new:
            try:
                self._queue.put(job.id)
            except (
                sqlite3.Error
            ):  # it is noted, and found when the queue is empty; an error would have it asked for again
                _logger.warning("%s could not be put into the queue, and waits outside of it", job.id, exc_info=True)
        return job, is_new

    def check(self, pipeline: str, parameters: Mapping[str, Any], environment: str = "local") -> None:
        """Refuse what `submit` would refuse of a job itself, without asking for it."""
        self._checker.check(pipeline, parameters, environment)

    def find_by_key(self, key: str) -> Job | None:
        """Give the job that was asked for with an idempotency key; None if there is none."""
        return self._store.find_by_key(key)

    def find(self, name: str) -> Job | None:
        """Give a job; None if there is none of that name."""
        return self._store.find(name)

    def list(self, state: str | None = None, most: int = 100) -> list[Job]:
        """Give jobs, the newest first; see `JobStore.list`."""
        return self._store.list(state, most)

    def cancel(self, name: str) -> Job | None:
        """Cancel a job; see `JobStore.cancel`."""
        return self._store.cancel(name)

    def read_progress(self, job: Job) -> Progress:
        """Tell how far a run is."""
        attempt = Attempt(self.settings.folder, job)
        done, steps = attempt.read_steps() or (None, None)
        return Progress(done, steps, attempt.read_last_line())

    def read_log(self, job: Job, offset: int = 0, most_bytes: int = 1_000_000) -> bytes:
        """Read the log of the last attempt, without secrets.

        Args:
            job: The job.
            offset: Bytes that are known already.
            most_bytes: How many to give; at least one letter is.
        """
        path = Attempt(self.settings.folder, job).log
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            file.seek(offset)
            text = file.read(max(most_bytes, _LONGEST_LETTER))
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(text)
        return text[: len(text) - len(decoder.getstate()[0])]  # a letter that was cut comes with the next part

    def list_results(self, job: Job) -> dict[str, Path]:
        """Give the files that a run has made for its user, by their names with `/`; links are passed over."""
        return dict(sorted(_walk(Attempt(self.settings.folder, job).results)))


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(folder.resolve()):
            yield path.relative_to(folder).as_posix(), path
