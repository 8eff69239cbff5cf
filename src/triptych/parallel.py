"""How many cores and threads there are to compute with, and an ordered map over processes."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from triptych import distributed
from triptych.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
_CGROUP = Path("/sys/fs/cgroup")

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
