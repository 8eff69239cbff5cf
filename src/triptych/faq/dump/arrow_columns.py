"""Arrow arrays from Python values without `pa.array`, which imports pandas: half a second a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


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
