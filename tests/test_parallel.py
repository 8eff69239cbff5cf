from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych import parallel
from triptych.errors import InputError
from triptych.parallel import ReadAhead, count_cores, count_threads, count_workers, ordered_map, threaded_map


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

    before = multiprocessing.active_children()
    results = ordered_map(double, items(), 2)
    for count, _ in zip(range(1, 20), results, strict=False):
        assert len(taken) <= count + 3
    results.close()
    assert set(multiprocessing.active_children()) <= set(before)


def test_threads_give_results_in_order_a_few_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    def wait(number: int) -> int:
        time.sleep(0.003 * (number % 3))
        return 2 * number

    results = threaded_map(wait, items(), 3, ahead=5)
    assert next(results) == 0
    assert len(taken) == 5
    assert [*results] == [2 * number for number in range(1, 30)]


def test_an_error_in_a_thread_is_raised_where_results_are_taken() -> None:
    with pytest.raises(ZeroDivisionError):
        list(threaded_map(lambda number: 1 / number, [2, 1, 0, 3], 2, ahead=2))


def test_an_error_ends_the_processes() -> None:
    before = multiprocessing.active_children()
    with pytest.raises(ValueError, match="unlucky"):
        list(ordered_map(double, range(10, 20), 2))
    assert set(multiprocessing.active_children()) <= set(before)


def test_dead_process_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="lower the number of workers"):
        list(ordered_map(die, range(4), 2))


def test_count_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_workers(3) == 3
    assert count_workers(0) >= 1
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
    assert count_workers(3) == 1


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "3200000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
    ],
)
def test_a_containers_quota_counts(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(parallel, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert count_cores() == cores


def test_threads_are_as_wished_or_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 8)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (count_threads(5), count_threads()) == (5, 3)
    for nothing in ("", "0", "two"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert count_threads() == 8


def test_cores_are_counted_in_one_place() -> None:
    counting = re.compile(r"cpu_count|sched_getaffinity|n_jobs=-1")
    source = Path(parallel.__file__).parent
    found = {path.name for path in source.rglob("*.py") if counting.search(path.read_text(encoding="utf-8"))}
    assert found == {"parallel.py"}


@given(st.lists(st.integers()), st.integers(1, 4))
def test_every_item_arrives_in_order(items: list[int], ahead: int) -> None:
    with ReadAhead(items, ahead) as taken:
        assert list(taken) == items


def test_errors_are_raised_where_items_are_taken() -> None:
    def read() -> Iterator[int]:
        yield 1
        raise ValueError("broken frame")

    with ReadAhead(read(), 2) as taken:
        assert next(taken) == 1
        with pytest.raises(ValueError, match="broken frame"):
            next(taken)


def test_it_reads_no_more_ahead_than_asked_and_stops_when_left() -> None:
    read: list[int] = []
    closed = threading.Event()

    def count() -> Iterator[int]:
        try:
            for number in range(1000):
                read.append(number)
                yield number
        finally:
            closed.set()

    with ReadAhead(count(), 3) as taken:
        next(taken)
        time.sleep(0.3)
        assert len(read) <= 6
    assert closed.wait(5)
    assert len(read) < 1000


def test_what_does_not_come_is_given_up() -> None:
    release = threading.Event()
    threading.Timer(0.5, release.set).start()
    with ReadAhead(iter(release.wait, True), 1, timeout_s=0.2) as taken, pytest.raises(TimeoutError, match="0.2 s"):
        next(taken)
