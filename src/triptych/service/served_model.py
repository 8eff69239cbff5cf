"""A model that is served: its queue, and the version whose processes answer."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from triptych.service.batcher import Batcher, Waiting
from triptych.service.params import ServiceParams
from triptych.service.processes import LoadError, WorkerDiedError, WorkerProcess
from triptych.service.telemetry import Telemetry
from triptych.service.worker.answers import Answer, Job

_logger = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
UNAVAILABLE: Answer = (503, "text/plain", b"the model's process ended while it computed: ask again")
LATE: Answer = (504, "text/plain", b"the model took too long, and was ended: ask for less at once")


@dataclass(frozen=True)
class Version:
    """A version that may be served.

    Attributes:
        name: Such as `faq-matcher 3`.
        spec: What its processes are told to load.
        folder: Its files, deleted when it is served no more; None where they are not copies.
    """

    name: str
    spec: dict[str, Any]
    folder: tempfile.TemporaryDirectory[str] | None = None


@dataclass
class Status:
    """What is told of a served model.

    Attributes:
        version: The one that answers; None while there is none.
        since: When it began to, in seconds since 1970.
        about: What it offers.
        problem: Why there is none, or why another was not taken over; empty if all is well.
    """

    version: str | None = None
    since: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


class ServedModel:
    """Answers jobs with the version that was taken over last.

    Args:
        workload: `faq`, `shelf` or `video`.
        params: Of the service.
        telemetry: What is counted.
    """

    def __init__(self, workload: str, params: ServiceParams, telemetry: Telemetry) -> None:
        self.workload, self.status = workload, Status()
        self._params, self._telemetry = params, telemetry
        batch = params.batch
        self._batcher: Batcher[Job, Answer] = Batcher(batch.max_requests, batch.max_wait_ms / 1000, batch.max_queue)
        self._team: _Team | None = None
        telemetry.watch_queue(workload, lambda: len(self._batcher))

    def submit(self, job: Job) -> asyncio.Future[Answer]:
        """Ask; see `Batcher.submit`."""
        return self._batcher.submit(job)

    def explain_full(self) -> str:
        """Say why one more job would be refused; empty if it would be taken."""
        return self._batcher.explain_full()

    async def take_over(self, version: Version) -> bool:
        """Load a version beside the one that answers, and let it answer from then on.

        Returns:
            Whether it does; else the one before goes on, and `status.problem` says why.
        """
        team = _Team(version, self._params, self._batcher, self._telemetry)
        try:
            about = await team.start()
        except LoadError as error:
            kept = f"; {self.status.version} goes on" if self.status.version else ""
            self.status.problem = f"{version.name} cannot be loaded: {error}{kept}"
            _logger.error("%s", self.status.problem)
            await team.stop()
            return False
        before, self._team = self._team, team
        self.status = Status(version.name, time.time(), about)
        _logger.info("%s answers", version.name)
        if before:
            await before.stop()
        return True

    async def close(self) -> None:
        """End the processes, after what they compute."""
        if self._team:
            await self._team.stop()

    @property
    def pids(self) -> list[int]:
        """Of the processes that answer."""
        return self._team.pids if self._team else []


class _Team:
    """The processes of a version, each with a task that feeds it."""

    def __init__(
        self, version: Version, params: ServiceParams, batcher: Batcher[Job, Answer], telemetry: Telemetry
    ) -> None:
        self._version, self._params, self._batcher, self._telemetry = version, params, batcher, telemetry
        self._workers = [WorkerProcess(version.spec, params.processes) for _ in range(params.processes)]
        self._tasks: list[asyncio.Task[None]] = []
        self._idle: set[int] = set()
        self._is_stopped = False

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers if worker.pid]

    async def start(self) -> dict[str, Any]:
        """Load in all processes; only then take jobs."""
        found = await asyncio.gather(*(worker.start(self._params.timeouts.load_s) for worker in self._workers))
        self._tasks = [asyncio.create_task(self._feed(place)) for place in range(len(self._workers))]
        return found[0]

    async def stop(self) -> None:
        """Take no more jobs, finish those that were taken, and end."""
        self._is_stopped = True
        for place in self._idle:
            self._tasks[place].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.close() for worker in self._workers))
        if self._version.folder:
            await asyncio.to_thread(self._version.folder.cleanup)

    async def _feed(self, place: int) -> None:
        while not self._is_stopped:
            batch = await self._take(place)
            answers = await self._answer(place, [waiting.job for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def _take(self, place: int) -> list[Waiting[Job, Answer]]:
        """Take a batch; `stop` may cancel this, and nothing else."""
        self._idle.add(place)
        try:
            return await self._batcher.take()
        finally:
            self._idle.discard(place)

    async def _answer(self, place: int, jobs: list[Job]) -> list[Answer]:
        """Ask a process; where one job ends it, the others are asked again, each alone."""
        self._telemetry.count_batch(self._version.spec["workload"], len(jobs))
        try:
            return await self._workers[place].ask(jobs, self._params.timeouts.answer_s)
        except TimeoutError:
            _logger.error("%s took over %g s", self._version.name, self._params.timeouts.answer_s)
            await self._restart(place)
            return [LATE] * len(jobs)
        except WorkerDiedError:
            _logger.error("A process of %s ended while it computed", self._version.name)
            await self._restart(place)
        if len(jobs) == 1:
            return [UNAVAILABLE]
        return [answer for job in jobs for answer in await self._answer(place, [job])]

    async def _restart(self, place: int) -> None:
        """Start a process again, and again if it has to be."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._workers[place].close()
            self._workers[place] = WorkerProcess(self._version.spec, self._params.processes)
            try:
                await self._workers[place].start(self._params.timeouts.load_s)
            except LoadError as error:
                _logger.error("%s cannot be loaded again: %s", self._version.name, error)
                if self._is_stopped:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return
