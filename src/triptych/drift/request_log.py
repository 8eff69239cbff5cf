"""A log of what was asked: measurements only, neither texts nor photos, in lines of JSON, limited in size.

A process writes files of its own (`requests-<start>-<process>-<number>.jsonl`), so that no two mix their lines.
"""

from __future__ import annotations

import hashlib
import json
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
_PATTERN = "requests-*.jsonl"
_FILES = 8


class RequestLog:
    """Writes measurements of requests; the oldest files go where there would be more than the limit.

    Args:
        folder: Where to; is made.
        max_bytes: Of all files in it.
    """

    def __init__(self, folder: Path, max_bytes: int = 100_000_000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._max_bytes = folder, max_bytes
        self._start, self._number, self._written = time.time_ns(), 0, 0
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Mapping[str, Any]], now_s: float | None = None) -> None:
        """Append a line for each request.

        Args:
            rows: Measures by name: numbers, truth values, or None where there was nothing to measure.
            now_s: Seconds since the epoch; None takes the clock.
        """
        content = _write_lines(rows, time.time() if now_s is None else now_s)
        with self._lock:
            if self._written and self._written + len(content) > self._max_bytes // _FILES:
                self._number, self._written = self._number + 1, 0
            with self._locate().open("ab") as file:
                file.write(content)
            self._written += len(content)
            self._drop_oldest()

    def _locate(self) -> Path:
        return self._folder / f"requests-{self._start:020}-{os.getpid()}-{self._number:06}.jsonl"

    def _drop_oldest(self) -> None:
        sizes = {path: _measure(path) for path in sorted(self._folder.glob(_PATTERN))}
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total <= self._max_bytes or path == self._locate():
                return
            path.unlink(missing_ok=True)
            total -= size


def log_batch(folder: Path, rows: pd.DataFrame, now_s: float | None = None) -> None:
    """Log a batch of requests as a file of its own; the same batch again takes its place.

    Args:
        folder: Where to.
        rows: A row a request, a column a measure.
        now_s: Seconds since the epoch; None takes the clock.
    """
    content = _write_lines(rows.to_dict("records"), 0.0)
    path = folder / f"requests-batch-{hashlib.sha256(content).hexdigest()[:32]}.jsonl"
    with replace_file(path) as part:
        part.write_bytes(_write_lines(rows.to_dict("records"), time.time() if now_s is None else now_s))
    mirrors.push(path)


def read_requests(folder: Path, days: int) -> pd.DataFrame:
    """Read the requests of some days up to the latest one.

    A line that was cut off when a process ended is left out.

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
    recent: pd.DataFrame = table[table[TIME] > table[TIME].max() - days * 86_400]
    return recent.reset_index(drop=True)


def _write_lines(rows: Iterable[Mapping[Any, Any]], now_s: float) -> bytes:
    stamp = round(now_s, 3)
    lines = [json.dumps({TIME: stamp, **{name: _plain(value) for name, value in row.items()}}) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def _read_lines(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get(TIME), int | float):
            yield row


def _measure(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has dropped it
        return 0


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into Python's; what is not a number is nothing."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
