"""How many cores there are, and an ordered map over processes that holds few items at a time."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from triptych.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

_installed: Callable[[Any], Any]


def _install(function: Callable[[Any], Any]) -> None:
    global _installed
    _installed = function


def _call(item: Any) -> Any:
    return _installed(item)


def count_cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
