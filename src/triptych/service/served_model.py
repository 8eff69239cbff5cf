"""A model that is served: its queue, and the version whose processes answer."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from triptych.service.batcher import Batcher
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
        self._before: _Team | None = None
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
        team = _Team(version, self._params, self._batcher, self._telemetry, self._note_health)
        about = await self._start(team)
        if about is None:
            return False
        self._before, self._team = self._team, team
        self.status = Status(version.name, time.time(), about)
        _logger.info("%s answers", version.name)
        if self._before:
            await self._before.stop()
            self._before = None
        return True

    async def _start(self, team: _Team) -> dict[str, Any] | None:
        about = None
        try:
            about = await team.start()
        except LoadError as error:
            kept = f"; {self.status.version} goes on" if self.status.version else ""
            self.status.problem = f"{team.name} cannot be loaded: {error}{kept}"
            _logger.error("%s", self.status.problem)
        finally:  # also when it is cancelled
            if about is None:
                await team.stop()
        return about

    def _note_health(self, team: _Team, about: dict[str, Any], problem: str) -> None:
        """Say that the version that answers does so no more, or again; another is looked for where it does not."""
        if team is not self._team:
            return
        if problem:
            self.status = Status(problem=problem)
        elif self.status.version is None:
            self.status = Status(team.name, time.time(), about)

    async def close(self) -> None:
        """End the processes; nobody waits any more for what they compute."""
        for team in (self._before, self._team):
            if team:
                await team.stop(at_once=True)

    @property
    def pids(self) -> list[int]:
        """Of the processes that answer."""
        return self._team.pids if self._team else []


class _Team:
    """The processes of a version, each with a task that feeds it.

    Args:
        version: What they load.
        params: Of the service.
        batcher: Where jobs wait.
        telemetry: What is counted.
        note: Called with this, what the version offers and a problem: when none of its processes can be loaded again,
            and, without a problem, when one could.
    """

    def __init__(
        self,
        version: Version,
        params: ServiceParams,
        batcher: Batcher[Job, Answer],
        telemetry: Telemetry,
        note: Callable[[_Team, dict[str, Any], str], None],
    ) -> None:
        self._version, self._params, self._batcher, self._telemetry = version, params, batcher, telemetry
        self._note = note
        self._workers = [WorkerProcess(version.spec, params.processes) for _ in range(params.processes)]
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: set[int] = set()
        self._ended: set[int] = set()  # what is to be started again
        self._lost: set[int] = set()  # what could not be
        self._is_stopped = False

    @property
    def name(self) -> str:
        return self._version.name

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers if worker.pid]

    async def start(self) -> dict[str, Any]:
        """Load in all processes; only then take jobs."""
        found = await asyncio.gather(*(worker.start(self._params.timeouts.load_s) for worker in self._workers))
        self._tasks = [asyncio.create_task(self._feed(place)) for place in range(len(self._workers))]
        return found[0]

    async def stop(self, *, at_once: bool = False) -> None:
        """Take no more jobs, finish those that were taken unless it is to be at once, and end."""
        self._is_stopped = True
        for place, task in enumerate(self._tasks):
            if at_once or place in self._waiting:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.close() for worker in self._workers))
        if self._version.folder:
            await asyncio.to_thread(self._version.folder.cleanup)

    async def _feed(self, place: int) -> None:
        while await self._is_up(place):
            with self._interruptible(place):
                batch = await self._batcher.take()
            answers = [UNAVAILABLE] * len(batch)
            try:
                answers = await self._answer(place, [waiting.job for waiting in batch])
            except Exception:  # of ours: it loses these jobs, but none that comes after them
                _logger.exception("%s cannot be asked", self.name)
            finally:
                for waiting, answer in zip(batch, answers, strict=True):
                    if not waiting.answer.done():
                        waiting.answer.set_result(answer)

    @contextmanager
    def _interruptible(self, place: int) -> Iterator[None]:
        """Let `stop` cancel what is awaited in the block."""
        self._waiting.add(place)
        try:
            yield
        finally:
            self._waiting.discard(place)

    async def _answer(self, place: int, jobs: list[Job]) -> list[Answer]:
        """Ask a process; where one job ends it, the others are asked again, each alone."""
        self._telemetry.count_batch(self._version.spec["workload"], len(jobs))
        try:
            return await self._workers[place].ask(jobs, self._params.timeouts.answer_s)
        except TimeoutError:
            _logger.error("%s took over %g s", self.name, self._params.timeouts.answer_s)
            self._ended.add(place)
            return [LATE] * len(jobs)
        except WorkerDiedError:
            _logger.error("A process of %s ended while it computed", self.name)
            self._ended.add(place)
        answers: list[Answer] = []
        if len(jobs) > 1:
            for job in jobs:
                if place in self._ended and not await self._start_again(place):
                    break
                answers += await self._answer(place, [job])
        return answers + [UNAVAILABLE] * (len(jobs) - len(answers))

    async def _is_up(self, place: int) -> bool:
        """Start a process that has ended, again and again if it has to be; tells whether jobs may be taken for it."""
        pause_s = _FIRST_PAUSE_S
        while not self._is_stopped:
            if place not in self._ended or await self._start_again(place):
                return True
            with self._interruptible(place):
                await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return False

    async def _start_again(self, place: int) -> bool:
        """Start a process in the place of one that has ended; tells whether it could be loaded."""
        await self._workers[place].close()
        self._workers[place] = WorkerProcess(self._version.spec, self._params.processes)
        with self._interruptible(place):
            try:
                about = await self._workers[place].start(self._params.timeouts.load_s)
            except LoadError as error:
                self._note_lost(place, str(error))
                return False
        self._ended.discard(place)
        self._lost.discard(place)
        self._note(self, about, "")
        return True

    def _note_lost(self, place: int, reason: str) -> None:
        self._lost.add(place)
        problem = f"{self.name} ended, and cannot be loaded again: {reason}"
        _logger.error("%s", problem)
        if len(self._lost) == len(self._workers):
            self._note(self, {}, problem)
