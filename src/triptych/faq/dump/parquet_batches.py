"""A stream of record batches as one Parquet file, written and read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

METADATA_KEY = b"triptych"
"""Key of the JSON report in the file's key-value metadata."""

_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 32 << 20


class BatchStream(Protocol):
    """What can be saved: batches of one schema, and a report that is complete after the last one."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """The report, JSON-able."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


class PostFile:
    """A handle on a Parquet file of posts; nothing but its footer is read before it is asked for.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def metadata(self) -> dict[str, Any]:
        """The report that was saved with the file (empty where there was none)."""
        stored = pq.read_metadata(self.path).metadata or {}
        report: dict[str, Any] = json.loads(stored.get(METADATA_KEY, b"{}"))
        return report

    @property
    def num_rows(self) -> int:
        """How many rows the file has."""
        rows: int = pq.read_metadata(self.path).num_rows
        return rows

    def iter_batches(self, columns: Sequence[str] | None = None, batch_rows: int = 4096) -> Iterator[pa.RecordBatch]:
        """Yield the rows in file order in batches of at most `batch_rows`, one row group in memory."""
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(batch_rows, columns=None if columns is None else list(columns))

    def to_pandas(self, columns: Sequence[str] | None = None, filters: Any = None) -> pd.DataFrame:
        """Read rows into a frame.

        Args:
            columns: names of those wanted; None: all.
            filters: a pyarrow expression or list of tuples, such as `[("kind", "==", "question")]`.
        """
        wanted = None if columns is None else list(columns)
        frame: pd.DataFrame = pq.read_table(self.path, columns=wanted, filters=filters).to_pandas()
        return frame


def write_batches(path: Path, stream: BatchStream) -> None:
    """Write every batch, then the report, in row groups of about 32 MB."""
    with pq.ParquetWriter(path, stream.schema, compression="zstd") as writer:
        for table in _row_groups(stream, stream.schema):
            writer.write_table(table, row_group_size=_GROUP_ROWS)
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(stream.metadata).encode()})


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Join batches into tables large enough to make good row groups."""
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        pending.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(pending, schema)
            pending, rows, size = [], 0, 0
    if pending:
        yield pa.Table.from_batches(pending, schema)
