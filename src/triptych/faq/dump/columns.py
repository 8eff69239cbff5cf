"""Columns of posts in numpy and Arrow: record batches, dates, and which ids are in a set.

`pa.array`, `pa.scalar` and an Arrow array's `to_numpy` import pandas, which costs every process 40 MB and as much time
as reading 100 MB of a dump. So nothing that reads a dump calls them; `np.from_dlpack` does for `to_numpy`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from mmap import mmap
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.int32]

_UTC_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?(?:Z| ?UTC|\+00:?00)?", re.ASCII
)  # `fromisoformat` alone knows fewer forms in Python 3.10
_SMALL = 1 << 31  # those of Stack Exchange are below
_EPOCH, _MILLISECOND = datetime(1970, 1, 1), timedelta(milliseconds=1)
_YEARS = range(1678, 2262)  # what nanosecond timestamps can hold


def build_record_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Put rows of values, None for null, into a record batch.

    Args:
        rows: their values in the order of the schema.
        schema: of strings, 32- and 64-bit integers, and timestamps (given as integers).
    """
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [_build_array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _build_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Lay the values out as Arrow's columnar format says: validity bits, offsets, data."""
    is_valid = np.array([value is not None for value in values], dtype=bool)
    validity = None if is_valid.all() else pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    if kind == pa.string():
        encoded = [(value or "").encode() for value in values]
        offsets = np.zeros(len(values) + 1, dtype=np.int32)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        data = [pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    else:
        width = np.int32 if kind.bit_width == 32 else np.int64
        data = [pa.py_buffer(np.array([value or 0 for value in values], dtype=width))]
    return pa.Array.from_buffers(kind, len(values), [validity, *data])


def parse_timestamp_ms(text: str | None) -> int | None:
    """Read a UTC date.

    Args:
        text: such as `2018-03-12T17:00:45.567`, `2018-03-12 17:00:45` or `2018-03-12`.

    Returns:
        Milliseconds since 1970, or None where there is no readable date.

    >>> parse_timestamp_ms("1970-01-02T00:00:01.5"), parse_timestamp_ms("yesterday")
    (86401500, None)
    """
    match = _UTC_DATE.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    day, clock, fraction = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}.{fraction or '':0<3.3}")
    except ValueError:
        return None
    return (moment - _EPOCH) // _MILLISECOND if moment.year in _YEARS else None


def contains(ids: Ids, values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell for each value whether it is among the ids, which are sorted.

    `np.isin` sorts the ids at every call: a thousand times as slow for those of Stack Overflow. Values of the ids' own
    type save a conversion of all of them.
    """
    is_among: npt.NDArray[np.bool_] = np.searchsorted(ids, values, "right") > np.searchsorted(ids, values)
    return is_among


class SeenIds:
    """The ids that came before: a bit each, so the 80 million of a dense dump take 10 MB; from 2**31 on a set."""

    def __init__(self) -> None:
        # Only pages that are written take memory. `np.zeros` asks for pages of 2 MB: 200 MB for 100 ids far apart.
        self._bits = np.frombuffer(mmap(-1, 1 << 28), dtype=np.uint8)
        self._large: set[int] = set()

    def add(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Add ids; tell which of them are new, the first one only where one comes twice."""
        is_new = np.zeros(len(ids), dtype=bool)
        is_new[np.unique(ids, return_index=True)[1]] = True
        is_small = ids < _SMALL
        is_new[is_small] &= self._add_small(ids[is_small])
        large = ids[~is_small].tolist()
        is_new[~is_small] &= np.array([one not in self._large for one in large], dtype=bool)
        self._large.update(large)
        return is_new

    def _add_small(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        places, bits = ids >> 3, np.left_shift(1, ids & 7).astype(np.uint8)
        is_new: npt.NDArray[np.bool_] = (self._bits[places] & bits) == 0
        np.bitwise_or.at(self._bits, places, bits)
        return is_new
