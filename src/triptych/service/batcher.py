"""Requests that wait for a model, and are taken in batches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class QueueFullError(RuntimeError):
    """As many requests wait as may."""


@dataclass(eq=False)
class Waiting(Generic[Job, Answer]):
    """A request that waits, or is being answered.

    Attributes:
        job: What is asked.
        answer: To be set; cancelled when nobody waits for it any more.
        since: When it came, by `time.monotonic`.
    """

    job: Job
    answer: asyncio.Future[Answer]
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[Job, Answer]):
    """A bounded queue; whoever is free takes what has come together by then.

    Not for several threads: all calls are of one event loop.

    Args:
        max_jobs: Of a batch.
        max_wait_s: How long the first of a batch waits for others while somebody is free to take it; where the batch
            before had one job only, nobody is waited for.
        max_queue: Jobs that wait.
    """

    def __init__(self, max_jobs: int, max_wait_s: float, max_queue: int) -> None:
        self._max_jobs, self._max_wait_s, self._max_queue = max_jobs, max_wait_s, max_queue
        self._queue: deque[Waiting[Job, Answer]] = deque()
        self._changed = asyncio.Event()
        self._is_busy = False

    def __len__(self) -> int:
        """Count the jobs that wait."""
        return len(self._queue)

    def explain_full(self) -> str:
        """Say why one more job would be refused; empty if it would be taken."""
        return f"{len(self._queue)} requests wait already" if len(self._queue) >= self._max_queue else ""

    def submit(self, job: Job) -> asyncio.Future[Answer]:
        """Add a job.

        Returns:
            What will hold its answer; cancel it, and a job that has not begun never begins.

        Raises:
            QueueFullError: If too many wait.
        """
        if reason := self.explain_full():
            raise QueueFullError(reason)
        waiting: Waiting[Job, Answer] = Waiting(job, asyncio.get_running_loop().create_future())
        waiting.answer.add_done_callback(lambda _: self._drop(waiting))
        self._queue.append(waiting)
        self._changed.set()
        return waiting.answer

    async def take(self) -> list[Waiting[Job, Answer]]:
        """Wait for jobs and take them, in the order they came; cancelled, it takes none."""
        while True:
            while not self._queue:
                self._changed.clear()
                await self._changed.wait()
            if self._is_busy:
                await self._wait_for_more()
            if self._queue:  # another may have been quicker
                batch = [self._queue.popleft() for _ in range(min(self._max_jobs, len(self._queue)))]
                self._is_busy = len(batch) > 1
                return batch

    async def _wait_for_more(self) -> None:
        end = self._queue[0].since + self._max_wait_s
        while self._queue and len(self._queue) < self._max_jobs and (left := end - time.monotonic()) > 0:
            # Not asyncio.wait_for, which before Python 3.12 may pass over that it was cancelled.
            timer = asyncio.get_running_loop().call_later(left, self._changed.set)
            self._changed.clear()
            try:
                await self._changed.wait()
            finally:
                timer.cancel()

    def _drop(self, waiting: Waiting[Job, Answer]) -> None:
        """Forget a job that nobody waits for."""
        if waiting.answer.cancelled() and waiting in self._queue:
            self._queue.remove(waiting)
