"""Frames on their way from a reader in a thread of its own to whoever takes them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()


class ReadAhead(Generic[Item]):
    """Read from an iterator in a thread, a few items ahead, so that reading overlaps with what is done to them.

    Use it as a context manager; leaving it ends the thread, wherever the reader is.

    Args:
        items: Read from the thread; its errors are raised where the items are taken.
        ahead: Items kept at most.
    """

    def __init__(self, items: Iterable[Item], ahead: int) -> None:
        self._items = items
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
        while (item := self._queue.get()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Group items, the last group being what is left."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
