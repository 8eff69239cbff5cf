"""A log of what was asked: measurements only, neither texts nor photos, in lines of JSON, limited in size.

A process writes files of its own (`requests-<start>-<process>-<number>.jsonl`), so that no two mix their lines.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from triptych.errors import InputError
from triptych.storage import mirrors
from triptych.storage.local_files import replace_file

TIME = "time"
MAX_BYTES = 100_000_000
_PATTERN = "requests-*.jsonl"
_FILES = 8
_DAY_S = 86_400
_AHEAD_S = _DAY_S  # that a clock may be: of another time zone, say
_logger = logging.getLogger(__name__)


class RequestLog:
    """Writes measurements of requests; the oldest files go where there would be more than the limit.

    Args:
        folder: Where to; is made.
        max_bytes: Of all files in it.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # whoever opens it has more to do than to log
            _logger.warning("Nothing can be logged in %s: %s", folder, error)
        self._folder, self._max_bytes = folder, max_bytes
        self._start, self._number, self._written = time.time_ns(), 0, 0
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Mapping[str, Any]], now_s: float | None = None) -> None:
        """Append a line for each request.

        Args:
            rows: Measures by name: numbers, truth values, or None where there was nothing to measure.
            now_s: Seconds since the epoch; None takes the clock.

        Raises:
            OSError: If the folder cannot be written to.
        """
        content = _write_lines(rows, time.time() if now_s is None else now_s)
        with self._lock:
            if self._written and self._written + len(content) > self._max_bytes // _FILES:
                self._start_file()
            self._append(content)
            self._written += len(content)
            _drop_oldest(self._folder, self._max_bytes, self._locate())

    def _append(self, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._locate().open("ab") as file:
                file.write(content)
        except OSError:
            self._start_file()  # what comes next is not to go on in half a line
            raise

    def _start_file(self) -> None:
        self._number, self._written = self._number + 1, 0

    def _locate(self) -> Path:
        return self._folder / f"requests-{self._start:020}-{os.getpid()}-{self._number:06}.jsonl"


def log_batch(folder: Path, rows: pd.DataFrame, now_s: float | None = None, max_bytes: int = MAX_BYTES) -> None:
    """Log a batch of requests as a file of its own; the same batch again takes its place.

    Args:
        folder: Where to.
        rows: A row a request, a column a measure.
        now_s: Seconds since the epoch; None takes the clock.
        max_bytes: Of all files in the folder: the oldest go where there would be more.
    """
    content = _write_lines(rows.to_dict("records"), 0.0)
    path = folder / f"requests-batch-{hashlib.sha256(content).hexdigest()[:32]}.jsonl"
    with replace_file(path) as part:
        part.write_bytes(_write_lines(rows.to_dict("records"), time.time() if now_s is None else now_s))
    mirrors.push(path)
    _drop_oldest(folder, max_bytes, path)


def read_requests(folder: Path, days: int) -> pd.DataFrame:
    """Read the requests of some days up to the latest one.

    Lines that are no requests, as of a process that ended while it wrote one, are left out, and so are those more than
    a day ahead of the clock: one alone would hide all others.

    Args:
        folder: Of a `RequestLog`.
        days: How many.

    Returns:
        Column `time` (seconds since the epoch) and one a measure; NaN where there was nothing to measure.

    Raises:
        InputError: If there is none.
    """
    mirrors.pull(folder)
    rows = [row for path in sorted(folder.glob(_PATTERN)) for row in _read_lines(path)]
    if not rows:
        raise InputError(
            f"{folder} holds no requests: score with `log_requests: true` in the block `scoring`, or start the "
            f"service with `triptych serve --log-requests {folder}`"
        )
    table = pd.DataFrame(rows).sort_values(TIME, kind="stable", ignore_index=True)
    table = _leave_out_future(folder, table)
    age_days = (time.time() - table[TIME].max()) / _DAY_S
    if age_days > days:
        _logger.warning("The latest request in %s is %d days old: nothing newer is looked at", folder, age_days)
    recent: pd.DataFrame = table[table[TIME] > table[TIME].max() - days * _DAY_S]
    return recent.reset_index(drop=True)


def _leave_out_future(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    believed: pd.DataFrame = table[table[TIME] <= time.time() + _AHEAD_S]
    if believed.empty:
        raise InputError(f"all requests in {folder} are of the future: see that the clock is right, here and there")
    if len(believed) < len(table):
        _logger.warning("%d requests in %s are of the future: left out", len(table) - len(believed), folder)
    return believed


def _write_lines(rows: Iterable[Mapping[Any, Any]], now_s: float) -> bytes:
    stamp = round(now_s, 3)
    lines = [json.dumps({TIME: stamp, **{name: _plain(value) for name, value in row.items()}}) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:  # another process has dropped it
        return []
    rows = [row for line in lines if (row := _read_line(line)) is not None]
    if len(rows) < len(lines):
        _logger.warning("%d lines of %s are no requests: left out", len(lines) - len(rows), path)
    return rows


def _read_line(line: bytes) -> dict[str, Any] | None:
    """Read a request: whatever has a time; what is neither a figure nor a truth value is nothing."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or isinstance(row.get(TIME), bool):
        return None
    figures = {name: value if is_figure(value) else None for name, value in row.items()}
    return None if figures.get(TIME) is None else figures


def is_figure(value: Any) -> bool:
    """Tell whether a value out of JSON is a finite number or a truth value."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _drop_oldest(folder: Path, max_bytes: int, current: Path) -> None:
    """Remove the files that were written to least lately, but for the current one, down to the limit."""
    found = {path: listed for path, listed in mirrors.list_files(folder).items() if path.match(_PATTERN)}
    total = sum(listed.size for listed in found.values())
    for path in sorted(found, key=lambda path: (found[path].changed_s, path)):
        if total > max_bytes and path != current:
            mirrors.drop(path)
            total -= found[path].size


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into Python's; what is not a number is nothing."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
