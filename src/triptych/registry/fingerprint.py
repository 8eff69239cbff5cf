"""Short hashes that tell whether two runs had the same data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LENGTH = 16  # hexadecimal digits, 64 bits


def fingerprint_tables(tables: Iterable[pd.DataFrame]) -> str:
    """Hash tables with their column names; the order of rows, columns and tables counts.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for table in tables:
        digest.update(repr(list(table.columns)).encode())
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:_LENGTH]


def fingerprint_ids(ids: NDArray[np.int64]) -> str:
    """Hash a set of ids; neither order nor repetition counts.

    Returns:
        16 hexadecimal digits.
    """
    return hashlib.sha256(np.unique(ids).astype("<i8").tobytes()).hexdigest()[:_LENGTH]


def fingerprint_texts(texts: Iterable[str]) -> str:
    """Hash a set of texts; neither order nor repetition counts.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for text in sorted(set(texts)):
        # With the length before it, or "ab", "c" would be "a", "bc".
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()[:_LENGTH]
