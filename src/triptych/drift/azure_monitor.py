"""What monitors of Azure ML give and take: lines of the data collector, and tables in the form MLTable.

Folders are addresses that fsspec knows: `azureml://...`, which azureml-fsspec opens on Azure, or paths. The forms are
those of Microsoft's articles "Collect production data from models for real-time inferencing" and "Monitor the
performance of models deployed to production" (custom signals), and of the MLTable schema.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from triptych.drift.comparison import Comparison
from triptych.drift.request_log import is_figure
from triptych.errors import InputError

METRIC = "certain_psi"
"""The population stability index of a measure whose difference is certain; 0 of one whose is not."""
_TABLE, _PART = "MLTable", "part-00000.parquet"
_FORM = {"type": "mltable", "paths": [{"pattern": "./*.parquet"}], "transformations": ["read_parquet"]}
_DAY = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/")
_A_DAY = timedelta(days=1)
_logger = logging.getLogger(__name__)


def read_collected(folder: str, start: str, end: str) -> pd.DataFrame:
    """Read the rows that a deployment's data collector kept in a window of time.

    Lines that cannot be read, as of a server that ended while it wrote one, are left out.

    Args:
        folder: Of a collection: `<year>/<month>/<day>/<hour>/<instance>.jsonl` below it.
        start: First moment, in ISO 8601 (UTC where it names no zone).
        end: Moment after the last.

    Returns:
        A row a request; what is neither a figure nor a truth value is missing.

    Raises:
        InputError: If there is none in the window.
    """
    first, last = _read_time(start), _read_time(end)
    lines = [line for content in _read_files(folder, "**/*.jsonl", (first, last)) for line in content.splitlines()]
    found = [_read_line(line) for line in lines]
    if unread := found.count(None):
        _logger.warning("%d of %d lines below %s cannot be read: left out", unread, len(lines), folder)
    rows = [row for kept in found if kept and first <= kept[0] < last for row in kept[1]]
    if not rows:
        raise InputError(f"nothing was collected below {folder} from {start} to {end}: is anything asked?")
    return pd.DataFrame(rows)


def list_metrics(compared: Comparison, false_alarm_rate: float, threshold: float) -> pd.DataFrame:
    """List what came of a comparison as a custom signal gives it.

    Args:
        compared: See `compare_requests`.
        false_alarm_rate: Below which adjusted p-value a difference is certain.
        threshold: Of METRIC; Azure ML writes to somebody about what is above it.

    Returns:
        Rows of `group` (a measure), `metric_name`, `metric_value`, `threshold_value`: METRIC, and the `psi` of every
        measure, which has no threshold.
    """
    table = compared.table
    certain = table["psi"].where(table["adjusted_p"] < false_alarm_rate, 0.0)
    parts = [(METRIC, certain, threshold), ("psi", table["psi"], None)]
    return pd.concat(
        [
            pd.DataFrame({"group": table["measure"], "metric_name": name, "metric_value": values}).assign(
                threshold_value=pd.Series([limit] * len(table), dtype="float64")
            )
            for name, values, limit in parts
        ],
        ignore_index=True,
    )


def read_table(folder: str) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Raises:
        InputError: If the folder holds no such table.
    """
    forms = [yaml.safe_load(content) for content in _read_files(folder, _TABLE)]
    if forms != [_FORM]:
        raise InputError(f"{folder} holds no table of triptych_requests: name it as the monitor's preprocessing")
    return read_parquet(folder)


def read_parquet(folder: str) -> pd.DataFrame:
    """Read all parquet files of a folder as one table.

    Raises:
        InputError: If there is none.
    """
    tables = [pd.read_parquet(io.BytesIO(content)) for content in _read_files(folder, "*.parquet")]
    if not tables:
        raise InputError(f"{folder} has no parquet file")
    return pd.concat(tables, ignore_index=True)


def write_table(folder: str, table: pd.DataFrame) -> None:
    """Write a table as MLTable: the file of that name, and one of parquet beside it."""
    from fsspec.core import url_to_fs

    files, path = url_to_fs(folder)
    with tempfile.TemporaryDirectory(prefix="triptych-table-") as part:
        table.to_parquet(Path(part, _PART), index=False)
        Path(part, _TABLE).write_text(yaml.safe_dump(_FORM, sort_keys=False), encoding="utf-8")
        files.put(f"{part}/", path, recursive=True, overwrite="MERGE_WITH_OVERWRITE")


def _read_files(address: str, pattern: str, window: tuple[datetime, datetime] | None = None) -> Iterator[bytes]:
    """Read the files of a folder that match, by name; of days that are surely outside of a window none."""
    from fsspec.core import url_to_fs

    files, path = url_to_fs(address)
    for name in sorted(files.glob(f"{path.rstrip('/')}/{pattern}")):
        if window is None or _may_hold(name, *window):
            with files.open(name, "rb") as file:
                yield file.read()


def _may_hold(name: str, first: datetime, last: datetime) -> bool:
    day = _DAY.search(name)
    return day is None or str((first - _A_DAY).date()) <= "-".join(day.groups()) <= str((last + _A_DAY).date())


def _read_line(line: bytes) -> tuple[datetime, list[dict[str, Any]]] | None:
    """Read when a line was collected, and its rows."""
    try:
        event = json.loads(line)
        when = _read_time(event["time"])
        rows = [{name: value if is_figure(value) else None for name, value in row.items()} for row in event["data"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return when, rows


def _read_time(text: str) -> datetime:
    moment: datetime = pd.Timestamp(text).to_pydatetime()
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
