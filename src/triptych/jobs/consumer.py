"""Run the jobs of a folder, one at a time, each in a process of its own; and take up what a killed consumer left."""

from __future__ import annotations

import errno
import fcntl
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from triptych.jobs.attempts import Attempt, Ending
from triptych.jobs.cleaning import clean
from triptych.jobs.commands import is_remote_environment, make_command, name_remote_job, write_parameters
from triptych.jobs.queueing import JobQueue
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, JobStore

__all__ = ["Consumer"]

_logger = logging.getLogger(__name__)
_CLEAN_EVERY_S = 3_600.0
_TRY_AGAIN = 20  # looks later
# What is wrong with the machine and not with the job.
_OF_THE_MACHINE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.EMFILE,
    errno.ENFILE,
}


class Consumer:
    """Runs jobs; of several for one folder, on one machine, one is at work and the others stand by.

    A job is claimed in the store before its process starts, and its process notes how it ended. So whatever is killed
    and whenever, a job that ran to its end is never run again:

    - waiting jobs wait on;
    - a run that is still alive, or has ended since, is taken up where it is;
    - one that was killed as well is begun again, `most_attempts` times in all, and is `interrupted` after that.

    Args:
        settings: What jobs may do.
    """

    def __init__(self, settings: JobSettings) -> None:
        self._settings = settings
        self._store = JobStore(settings.folder)
        self._stop = threading.Event()
        self._clean_at_s = 0.0
        self._queue = JobQueue(settings.folder, self._run)

    def stop(self) -> None:
        """End the consumer; the run that is under way goes on, and is taken up by the next consumer."""
        self._stop.set()

    def work(self, until_idle: bool = False) -> None:
        """Run jobs until `stop` is called.

        Args:
            until_idle: End when no job waits any more.
        """
        with self._being_alone() as is_alone:
            if not is_alone:
                return
            while not self._stop.is_set():
                try:
                    if self._step():
                        continue
                    if until_idle:
                        return
                    pause_s = self._settings.poll_s
                except (sqlite3.Error, OSError):  # a full disk; the jobs wait
                    _logger.exception("The queue in %s cannot be used just now", self._settings.folder)
                    pause_s = _TRY_AGAIN * self._settings.poll_s
                self._stop.wait(pause_s)

    def _step(self) -> bool:
        """Go on with what runs, or else run the next; tell whether there was something to do."""
        for job in self._store.list_oldest("running"):  # of a killed consumer, or whose end could not be noted
            self._take_up(job)
        self._clean()
        if self._take():
            return True
        waiting = self._store.list_oldest("queued")
        for job in waiting:  # the queue is empty, so these were lost on the way
            self._queue.put(job.id)
        return bool(waiting)

    def _clean(self) -> None:
        """Remove what is kept no longer, now and then."""
        if time.monotonic() >= self._clean_at_s:
            self._clean_at_s = time.monotonic() + _CLEAN_EVERY_S
            clean(self._settings, self._store)

    def _take(self) -> bool:
        try:
            return self._queue.take()
        except Exception:  # a message that is none: it is out of the queue, and its job is found in the store
            _logger.exception("A message of the queue could not be read")
            return True

    @contextmanager
    def _being_alone(self) -> Iterator[bool]:
        """Hold a lock that the kernel gives free however this process ends; False if `stop` came before."""
        with (self._settings.folder / "consumer.lock").open("w") as lock:
            is_alone = _try_lock(lock)
            if not is_alone:
                _logger.info("Another consumer is at work in %s; this one stands by", self._settings.folder)
            while not is_alone and not self._stop.wait(self._settings.poll_s):
                is_alone = _try_lock(lock)
            yield is_alone

    def _run(self, name: str) -> None:
        if self._stop.is_set() or (job := self._store.claim(name)) is None:
            return  # it is cancelled, or came twice; or is left to the next consumer
        _logger.info("%s: %s begins", job.id, job.pipeline)
        attempt = Attempt(self._settings.folder, job)
        try:
            self._start(job, attempt)
        except Exception as error:  # whatever is wrong with it, the others wait
            _logger.exception("%s could not be started", job.id)
            if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
                self._store.put_back(job.id, f"it could not be started yet: {error}", has_begun=False)
                self._stop.wait(_TRY_AGAIN * self._settings.poll_s)
            else:
                self._store.end(job.id, "failed", f"it could not be started: {error}")
            return
        self._see_to_its_end(job, attempt)

    def _start(self, job: Job, attempt: Attempt) -> None:
        request = job.request()
        attempt.results.mkdir(parents=True, exist_ok=True)
        attempt.make_folder()
        parameters = write_parameters(self._settings, request, attempt)
        argv = make_command(self._settings, job, request, attempt, parameters)
        attempt.start(argv, self._settings.project, {})

    def _take_up(self, job: Job) -> None:
        """Go on with a job that a killed consumer had claimed."""
        attempt = Attempt(self._settings.folder, job)
        if attempt.is_alive() or attempt.read_ending() is not None:
            _logger.info("%s: %s is taken up", job.id, job.pipeline)
            self._see_to_its_end(job, attempt)
        else:
            self._interrupt(job)

    def _see_to_its_end(self, job: Job, attempt: Attempt) -> None:
        ending, why = self._wait(job, attempt)
        if ending is None and why == "stopped":
            return
        if why == "cancelled":
            self._store.end(job.id, "cancelled", "", ending.code if ending else None)
        elif why == "late":
            self._store.end(job.id, "failed", f"it was ended after {self._settings.timeout_s:g} s", None)
        elif ending is None:
            self._interrupt(job)
        elif ending.code != 0:
            self._store.end(job.id, "failed", _explain(ending, attempt), ending.code)
        elif is_remote_environment(self._settings.project, job.environment):
            name = name_remote_job(job)
            self._store.end(job.id, "submitted", f"Azure ML has it: `triptych azure watch {name}` shows the rest", 0)
        else:
            self._store.end(job.id, "completed", "", 0)
        _logger.info("%s: %s", job.id, getattr(self._store.find(job.id), "state", "gone"))

    def _wait(self, job: Job, attempt: Attempt) -> tuple[Ending | None, str]:
        """Wait for the end of a run, and say what brought it about, if it was not the run itself."""
        # The clock may be set while it runs, so it is asked once, for what has gone by before.
        ran_s = max(0.0, time.time() - (job.started_s or time.time()))
        late = time.monotonic() - ran_s + (self._settings.timeout_s or math.inf)
        pause_s, left_s = min(0.02, self._settings.poll_s), math.inf
        while attempt.is_alive():
            if attempt.read_ending() is not None:  # what it has started and not ended gets as long as one that is asked
                left_s = min(left_s, time.monotonic() + self._settings.grace_s)
                if time.monotonic() > left_s:
                    attempt.kill(self._settings.grace_s)
                    return attempt.read_ending(), ""
            now = self._store.find(job.id)
            why = "cancelled" if now is None or now.is_cancelled else "late" if time.monotonic() > late else ""
            if why:
                attempt.kill(self._settings.grace_s)
                return attempt.read_ending(), why
            if self._stop.wait(pause_s):
                return None, "stopped"
            pause_s = min(pause_s * 1.5, self._settings.poll_s)
        return attempt.read_ending(), ""

    def _interrupt(self, job: Job) -> None:
        """Deal with a run that was killed before its end: nothing says that it failed by itself."""
        if job.attempts < self._settings.most_attempts:
            _logger.warning("%s was killed, and is begun again", job.id)
            self._store.put_back(job.id, f"attempt {job.attempts} was killed")
            self._queue.put(job.id)
        else:
            self._store.end(job.id, "interrupted", f"it was killed {job.attempts} times: start it again by hand")


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _explain(ending: Ending, attempt: Attempt) -> str:
    what = f"signal {-ending.code}" if ending.code < 0 else f"exit code {ending.code}"
    return ending.reason or f"{what}: {attempt.find_error() or 'nothing was said'}"
