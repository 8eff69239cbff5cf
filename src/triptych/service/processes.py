"""Processes that hold a model each: a crash, a leak or a loop in one ends no other, and not the service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from triptych.parallel import count_cores
from triptych.service.worker.answers import Answer, Job

_logger = logging.getLogger(__name__)
_CODE = Path(__file__).with_name("worker")
# Under a name of its own: what triptych is decides the model's own source.
_START = """
import importlib.util, sys
name, folder = "triptych_worker", sys.argv.pop(1)
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[name])
from triptych_worker.loop import main
main()
"""
_END_TIMEOUT_S = 5.0


class LoadError(RuntimeError):
    """A model cannot be loaded; the message is the reason."""


class WorkerDiedError(RuntimeError):
    """The process ended, or was ended because it took too long, before it answered."""


def _share_cores(processes: int) -> dict[str, str]:
    """Give the variables that keep several processes from computing with all cores each, which is slower by a fifth."""
    return {"OMP_NUM_THREADS": str(max(1, count_cores() // processes))} if processes > 1 else {}


class WorkerProcess:
    """A process with a model, asked by one caller at a time.

    Args:
        spec: What it is to load, JSON-able; see `worker`.
        share: Of the cores, among so many processes; `OMP_NUM_THREADS` of the environment wins.
    """

    def __init__(self, spec: dict[str, Any], share: int = 1) -> None:
        self._spec, self._share = spec, share
        # Waiting for the pipe takes a thread; computing takes the process.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker-pipe")
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    async def start(self, timeout_s: float) -> dict[str, Any]:
        """Start it and wait until the model is loaded.

        Returns:
            What the model offers.

        Raises:
            LoadError: If it cannot be loaded, or not in time.
        """
        try:
            self._spawn()
        except OSError as error:  # no memory for one more, too many files
            self._thread.shutdown(wait=False)
            raise LoadError(f"its process cannot be started: {error}") from error
        try:
            word, about = await self._run_within(timeout_s, self._receive)
        except (asyncio.TimeoutError, EOFError, OSError) as error:
            await self.close()
            late = isinstance(error, asyncio.TimeoutError)
            raise LoadError(
                f"not loaded within {timeout_s:g} s" if late else "its process ended while loading"
            ) from error
        except BaseException:
            await self.close()
            raise
        if word != "ready":
            await self.close()
            raise LoadError(str(about))
        return dict(about)

    async def ask(self, jobs: Sequence[Job], timeout_s: float) -> list[Answer]:
        """Ask for answers to some jobs.

        Raises:
            WorkerDiedError: If the process ended before it answered.
            TimeoutError: If it took longer; the process is ended then.
        """
        try:
            answers: list[Answer] = await self._run_within(timeout_s, self._exchange, list(jobs))
        except asyncio.TimeoutError:
            self._kill()
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        except (EOFError, OSError) as error:
            raise WorkerDiedError("the model's process ended") from error
        return answers

    async def close(self) -> None:
        """End it; what it computes is lost."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.to_thread(process.wait, _END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        if self._connection is not None:
            # After whoever still reads from it, and finds its end.
            await self._run_within(_END_TIMEOUT_S, self._connection.close)
        self._thread.shutdown(wait=False)

    @property
    def pid(self) -> int | None:
        """Of the process; None before it is started and after it was ended."""
        return self._process.pid if self._process else None

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        arguments = [str(_CODE), str(theirs.fileno()), json.dumps(self._spec)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-c", _START, *arguments],
                stdin=subprocess.DEVNULL,
                env={**_share_cores(self._share), **os.environ},
                pass_fds=[theirs.fileno()],
            )
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _run_within(self, timeout_s: float, function: Any, *arguments: Any) -> Any:
        """Run a function in the thread of the pipe; past its time, leave it alone there."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        # Not asyncio.wait_for, which before Python 3.12 may pass over that it was cancelled.
        done, _ = await asyncio.wait({future}, timeout=timeout_s)
        if not done:
            future.add_done_callback(lambda late: late.cancelled() or late.exception())  # which nobody will ask for
            raise asyncio.TimeoutError
        return future.result()

    def _exchange(self, jobs: list[Job]) -> list[Answer]:
        self._pipe().send(jobs)
        return list(self._receive())

    def _receive(self) -> Any:
        return self._pipe().recv()

    def _pipe(self) -> Connection:
        if self._connection is None:
            raise EOFError("the process was not started")
        return self._connection
