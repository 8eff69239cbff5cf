from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator

import pytest

from triptych.errors import InputError
from triptych.parallel import count_workers, ordered_map


def double(value: int) -> int:
    if value == 13:
        raise ValueError("unlucky")
    return value * 2


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def slow_pid(value: int) -> tuple[int, int]:
    time.sleep(0.01)
    return value, os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    results = list(ordered_map(slow_pid, range(50), workers))
    assert [value for value, _ in results] == list(range(50))
    assert (len({pid for _, pid in results}) > 1) == (workers > 1)


def test_few_items_are_under_way() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for value in range(100, 200):
            taken.append(value)
            yield value

    results = ordered_map(double, items(), 2)
    for count, _ in zip(range(1, 20), results, strict=False):
        assert len(taken) <= count + 3
    results.close()
    assert multiprocessing.active_children() == []


def test_an_error_ends_the_processes() -> None:
    with pytest.raises(ValueError, match="unlucky"):
        list(ordered_map(double, range(10, 20), 2))
    assert multiprocessing.active_children() == []


def test_dead_process_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="lower the number of workers"):
        list(ordered_map(die, range(4), 2))


def test_count_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_workers(3) == 3
    assert count_workers(0) >= 1
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
    assert count_workers(3) == 1
