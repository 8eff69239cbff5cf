"""How many cores and threads there are to compute with, ordered maps over processes and threads, and reading ahead."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Generic, TypeVar

from triptych import distributed
from triptych.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
_CGROUP = Path("/sys/fs/cgroup")
_END = object()

_installed: Callable[[Any], Any]


def _install(function: Callable[[Any], Any]) -> None:
    global _installed
    _installed = function


def _call(item: Any) -> Any:
    return _installed(item)


def count_cores() -> int:
    """Count the cores this process may use: what the scheduler allows it, and a container's quota.

    Everything in this project that divides work by cores asks here.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _container_quota())))


def _container_quota() -> float:
    """Read how many cores' worth of time a container may use (cgroup v2, then v1); infinite where nothing says."""
    for name in ("cpu.max", "cpu/cpu.cfs_quota_us"):
        path = _CGROUP / name
        if not path.is_file():
            continue
        period = path.with_name("cpu.cfs_period_us")
        words = path.read_text(encoding="ascii").split() + (period.read_text().split() if period.is_file() else [])
        if words[0] not in ("max", "-1"):
            return int(words[0]) / int(words[1])
    return math.inf


def count_threads(wanted: int = 0) -> int:
    """Return how many threads a library may start to compute with in this process.

    Args:
        wanted: As the parameters say; 0 takes `OMP_NUM_THREADS` where that is set (torchrun's own 1 is no one's
            wish), else the cores divided by the ranks of this machine.
    """
    given = "" if "TORCHELASTIC_RUN_ID" in os.environ else os.environ.get("OMP_NUM_THREADS", "")
    if wanted or (given.isdecimal() and int(given)):
        return wanted or int(given)
    return max(1, count_cores() // distributed.local_world_size())


def count_workers(wanted: int) -> int:
    """Return how many processes to use: `wanted`, or one for each usable core where that is 0."""
    if multiprocessing.current_process().daemon:
        return 1  # a daemon may not have children
    return wanted or count_cores()


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
) -> Generator[Result, None, None]:
    """Apply a function to items in several processes and yield the results in order.

    At most `workers + 2` items are under way, so memory stays bounded and a slow consumer slows the
    workers down. Closing the iterator early ends the processes.

    Args:
        function: picklable; sent once to each process, so it may carry large read-only state.
        items: picklable, taken one at a time.
        workers: 1 works in this process.

    Raises:
        InputError: a process died.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    # Not fork, which copies the locks of other threads (torch, Arrow) as they are at that moment, nor
    # forkserver, which fails in a process that was itself forked after using one (Kedro's ParallelRunner).
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _install, (function,))
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(_call, item))
            if len(pending) > workers + 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            "A reading process died. If memory ran out, lower the number of workers; if a script of yours "
            "reads the dump, its main part must be under `if __name__ == '__main__':`."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def threaded_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int
) -> Generator[Result, None, None]:
    """Apply a function to items in threads, ahead of whoever takes the results, and yield them in order.

    For functions that leave Python's lock, as decoding and scaling photos do.

    Args:
        function: What to apply.
        items: Taken in the caller's thread, one at a time.
        threads: How many.
        ahead: Items under way or waiting to be taken, at most.
    """
    pool = ThreadPoolExecutor(threads)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class ReadAhead(Generic[Item]):
    """Read from an iterator in a thread, a few items ahead, so that reading overlaps with what is done to them.

    Use it as a context manager; leaving it ends the thread, wherever the reader is.

    Args:
        items: Read from the thread; its errors are raised where the items are taken.
        ahead: Items kept at most.
        timeout_s: How long an item may take to come; None for ever.
        excused: Asked when an item has not come in time; where it says yes, waiting goes on.
    """

    def __init__(
        self,
        items: Iterable[Item],
        ahead: int,
        timeout_s: float | None = None,
        excused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._items, self._timeout_s, self._excused = items, timeout_s, excused
        self._queue: queue.Queue[object] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._take()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(30)

    def _read(self) -> None:
        try:
            iterator = iter(self._items)
            for item in iterator:
                if not self._put(item):
                    close = getattr(iterator, "close", None)
                    if close:
                        close()
                    return
        except BaseException as error:
            self._error = error
        self._put(_END)

    def _put(self, item: object) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=0.1)
                return True
        return False

    def _take(self) -> Iterator[Item]:
        while (item := self._next()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error

    def _next(self) -> object:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=self._timeout_s)
            if not self._excused():
                raise TimeoutError(f"nothing came for {self._timeout_s:g} s")
