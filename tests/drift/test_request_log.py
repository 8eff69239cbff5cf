from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from triptych.drift.request_log import RequestLog, log_batch, read_requests
from triptych.errors import InputError

DAY_S = 86_400.0


def test_what_is_logged_is_read_again(tmp_path: Path) -> None:
    log = RequestLog(tmp_path)
    log.add([{"characters": np.int64(12), "score": np.float32(0.5), "no_match": np.bool_(True)}], now_s=10.0)
    log.add([{"characters": 3, "score": float("nan"), "no_match": False}], now_s=5.0)
    table = read_requests(tmp_path, days=1)
    assert table["time"].tolist() == [5.0, 10.0]
    assert table["characters"].tolist() == [3, 12]
    assert table["score"].isna().tolist() == [True, False]
    assert table["no_match"].tolist() == [False, True]


def test_only_the_last_days_are_read(tmp_path: Path) -> None:
    log = RequestLog(tmp_path)
    for day in range(10):
        log.add([{"day": day}], now_s=day * DAY_S)
    assert read_requests(tmp_path, days=3)["day"].tolist() == [7, 8, 9]


def test_the_oldest_go_where_there_would_be_too_many(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, max_bytes=8_000)
    for number in range(1000):
        log.add([{"number": number}], now_s=float(number))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 8_000
    numbers = read_requests(tmp_path, days=1)["number"].tolist()
    assert numbers == list(range(numbers[0], 1000))
    assert len(numbers) > 100


def test_a_line_that_was_cut_off_loses_no_other(tmp_path: Path) -> None:
    log = RequestLog(tmp_path)
    log.add([{"number": 1}, {"number": 2}], now_s=1.0)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'{"time": 3, "num\n[1]\n"text"\n\xff\xfe\n')
    assert read_requests(tmp_path, days=1)["number"].tolist() == [1, 2]


def _write_many(folder: Path, first: int) -> None:
    log = RequestLog(folder)
    for number in range(first, first + 200):
        log.add([{"number": number, "padding": "x" * 100}])


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(tmp_path, first)) for first in (0, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(read_requests(tmp_path, days=1)["number"]) == list(range(400))


def test_the_same_batch_counts_once(tmp_path: Path) -> None:
    rows = pd.DataFrame({"characters": [1, 2], "no_match": [True, False], "score": [0.5, np.nan]})
    log_batch(tmp_path, rows, now_s=1.0)
    log_batch(tmp_path, rows, now_s=2.0)
    log_batch(tmp_path, rows.head(1), now_s=2.0)
    assert read_requests(tmp_path, days=1)["time"].tolist() == [2.0, 2.0, 2.0]
    (path, _) = sorted(tmp_path.iterdir(), key=lambda path: -path.stat().st_size)
    assert [json.loads(line)["score"] for line in path.read_text().splitlines()] == [0.5, None]


@pytest.mark.parametrize("ahead_s", [2 * DAY_S, 3650 * DAY_S, float("inf")])
def test_a_time_in_the_future_hides_no_other(tmp_path: Path, ahead_s: float) -> None:
    log, now_s = RequestLog(tmp_path), time.time()
    log.add([{"number": number} for number in range(10)], now_s=now_s)
    (tmp_path / "requests-ahead.jsonl").write_text(json.dumps({"time": now_s + ahead_s, "number": 10}) + "\n")
    assert read_requests(tmp_path, days=7)["number"].tolist() == list(range(10))


def test_a_clock_that_is_an_hour_ahead_is_believed(tmp_path: Path) -> None:
    RequestLog(tmp_path).add([{"number": 1}], now_s=time.time() + 3600)
    assert len(read_requests(tmp_path, days=7)) == 1


def test_a_log_that_is_all_in_the_future_is_refused(tmp_path: Path) -> None:
    RequestLog(tmp_path).add([{"number": 1}], now_s=time.time() + 30 * DAY_S)
    with pytest.raises(InputError, match="clock"):
        read_requests(tmp_path, days=7)


@pytest.mark.parametrize("value", ['"abc"', "[1]", '{"a": 1}', "1" + "0" * 400, "[" * 100_000])
def test_what_is_no_figure_loses_no_request(tmp_path: Path, value: str) -> None:
    RequestLog(tmp_path).add([{"number": 1}, {"number": None}, {"number": True}], now_s=1.0)
    (tmp_path / "requests-by-hand.jsonl").write_text(f'{{"time": 1.0, "number": {value}}}\n{{"time": true}}\n')
    numbers = read_requests(tmp_path, days=1)["number"]
    assert numbers.dropna().tolist() == [1, True]
    assert len(numbers) in (3, 4)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_not_finite_is_missing(tmp_path: Path, value: str) -> None:
    (tmp_path / "requests-by-hand.jsonl").write_text(f'{{"time": 1.0, "number": {value}}}\n')
    assert read_requests(tmp_path, days=1)["number"].isna().tolist() == [True]


def test_the_oldest_to_go_are_those_written_to_least_lately(tmp_path: Path) -> None:
    first, second = RequestLog(tmp_path, 8_000), RequestLog(tmp_path, 8_000)
    first.add([{"number": -1}], now_s=0.0)
    for number in range(500):
        second.add([{"number": number}], now_s=float(number))
    first.add([{"number": 1000}], now_s=1000.0)
    for number in range(500, 560):
        second.add([{"number": number}], now_s=1000.0)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 8_000
    assert 1000 in read_requests(tmp_path, days=1)["number"].tolist()


def test_batches_too_stay_below_the_limit(tmp_path: Path) -> None:
    (tmp_path / "requests-0-1-0.jsonl").write_text('{"time": 0.0, "number": -1}\n')
    os.utime(tmp_path / "requests-0-1-0.jsonl", (1, 1))
    for number in range(20):
        log_batch(tmp_path, pd.DataFrame({"number": [number] * 10}), max_bytes=2_000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2_000
    assert read_requests(tmp_path, days=1)["number"].max() == 19


def test_a_file_that_another_process_drops_while_it_is_read_is_no_error(tmp_path: Path) -> None:
    RequestLog(tmp_path).add([{"number": 1}], now_s=1.0)
    (tmp_path / "requests-gone.jsonl").symlink_to(tmp_path / "nowhere")
    assert len(read_requests(tmp_path, days=1)) == 1


def _write_on_a_full_disk(folder: Path) -> None:
    log = RequestLog(folder)
    log.add([{"number": 1}], now_s=1.0)
    size = next(folder.iterdir()).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
    with pytest.raises(OSError, match="large"):
        log.add([{"number": 2}], now_s=2.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.add([{"number": 3}], now_s=3.0)


def test_a_line_that_was_written_half_takes_no_other_with_it(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("fork").Process(target=_write_on_a_full_disk, args=(tmp_path,))
    writer.start()
    writer.join()
    assert writer.exitcode == 0
    assert read_requests(tmp_path, days=1)["number"].tolist() == [1, 3]


def test_a_log_can_be_opened_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    log = RequestLog(tmp_path / "in the way" / "faq")
    with pytest.raises(OSError, match="Not a directory"):
        log.add([{"number": 1}])


def test_no_requests_say_how_to_log_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="triptych serve --log-requests"):
        read_requests(tmp_path, days=7)
