from __future__ import annotations

import json
import multiprocessing
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


def test_no_requests_say_how_to_log_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="triptych serve --log-requests"):
        read_requests(tmp_path, days=7)
