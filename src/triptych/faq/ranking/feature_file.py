"""Candidates with their features in a Parquet file, written and read some questions at a time.

Of 100,000 test questions they take 8 GB. Rows of a question are together, and those of a fold and role too, so that a
reader passes over the row groups it does not need.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from triptych.faq.dump.parquet_batches import PostFile
from triptych.faq.ranking.features import find_described, list_described
from triptych.registry.provenance import fingerprint_tables

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

KEYS = {
    "fold": pa.int64(),
    "role": pa.string(),
    "group": pa.int64(),
    "query": pa.int64(),
    "question_id": pa.int64(),
    "candidate_id": pa.int64(),
    "label": pa.int8(),
}
_PLACE = ["fold", "role"]


def make_schema(*, encoded: bool) -> pa.Schema:
    """Give the columns of the file: KEYS, then the values of candidates, with those of an encoder or without."""
    return pa.schema([*KEYS.items(), *((name, pa.float32()) for name in list_described(encoded=encoded))])


SCHEMA = make_schema(encoded=False)


class FeatureFile(PostFile):
    """A handle on the file; nothing but its footer is read before it is asked for."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pq.read_schema(self.path)

    def iter_groups(self, fold: int | None, roles: Sequence[str], columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Yield the rows of some roles, of one fold or of all, as the file has them in row groups."""
        with pq.ParquetFile(self.path) as file:
            for number in range(file.num_row_groups):
                wanted = _mark_wanted(file, number, fold, roles)
                if wanted.any():
                    rows = file.read_row_group(number, list(columns))
                    yield rows.filter(pa.array(wanted)).to_pandas()


Features: TypeAlias = FeatureFile | pd.DataFrame
"""All candidates with the columns of `make_schema`, in a file or in memory."""


class FeatureStream:
    """Candidates that are made while they are saved; a `BatchStream`.

    Args:
        tables: Columns of `make_schema`, some questions at a time; anything iterable more than once, or saved once.
        check: Is given each table before it is written, and raises an error if that is wrong.
        encoded: With the values of an encoder.
    """

    def __init__(
        self,
        tables: Iterable[pd.DataFrame],
        check: Callable[[pd.DataFrame], Any] | None = None,
        *,
        encoded: bool = False,
    ) -> None:
        self._tables, self._check = tables, check
        self._schema = make_schema(encoded=encoded)
        self._report: dict[str, Any] = {}

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch."""
        return self._schema

    @property
    def metadata(self) -> dict[str, Any]:
        """`rows`, `folds`, `seconds`, and `fingerprint`, which is that of `fingerprint_tables`."""
        return self._report

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        start, rows, folds = time.perf_counter(), 0, set[int]()
        digest = hashlib.sha256(repr(self._schema.names).encode())
        for table in self._tables:
            ordered = table[self._schema.names]
            if self._check is not None:
                self._check(ordered)
            digest.update(pd.util.hash_pandas_object(ordered, index=False).to_numpy().tobytes())
            rows += len(table)
            folds.update(table["fold"].unique().tolist())
            yield pa.RecordBatch.from_pandas(ordered, self._schema, preserve_index=False)
        self._report = {
            "rows": rows,
            "folds": sorted(folds),
            "seconds": time.perf_counter() - start,
            "fingerprint": digest.hexdigest()[:16],
        }


def list_columns(features: Features) -> list[str]:
    """List the columns of `make_schema` that candidates have: with those of an encoder or without."""
    there = features.columns if isinstance(features, pd.DataFrame) else features.schema.names
    return [*KEYS, *find_described(there)]


def list_folds(features: Features) -> list[int]:
    """List the folds that have candidates."""
    if isinstance(features, pd.DataFrame):
        return sorted(set(features["fold"].tolist()))
    folds: list[int] = features.metadata["folds"]
    return folds


def read_rows(
    features: Features, fold: int | None, roles: Sequence[str], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read the rows of some roles, of one fold or of all, and no more columns than asked for."""
    names = list_columns(features) if columns is None else list(columns)
    if isinstance(features, pd.DataFrame):
        is_wanted = features["role"].isin(roles) & (True if fold is None else features["fold"] == fold)
        rows: pd.DataFrame = features.loc[is_wanted, names]
        return rows.reset_index(drop=True)
    empty: pd.DataFrame = features.schema.empty_table().select(names).to_pandas()
    parts = list(features.iter_groups(fold, roles, names))
    return pd.concat(parts, ignore_index=True) if parts else empty


def iter_questions(
    features: Features, fold: int, roles: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the rows of some roles of a fold, some thousand at a time, never part of a question."""
    if isinstance(features, pd.DataFrame):
        yield read_rows(features, fold, roles, columns)
        return
    names = list_columns(features) if columns is None else list(columns)
    pending = None
    for rows in features.iter_groups(fold, roles, list(dict.fromkeys([*names, "query"]))):
        whole = rows if pending is None else pd.concat([pending, rows], ignore_index=True)
        is_last = (whole["query"] == whole["query"].iloc[-1]).to_numpy()
        pending = whole[is_last]
        if not is_last.all():
            yield whole.loc[~is_last, names].reset_index(drop=True)
    if pending is not None:
        yield pending[names].reset_index(drop=True)


def fingerprint_features(features: Features, *tables: pd.DataFrame) -> str:
    """Hash candidates, together with further tables if there are any; see `fingerprint_tables`."""
    if isinstance(features, pd.DataFrame):
        own = fingerprint_tables([features[list_columns(features)]])
    else:
        own = features.metadata["fingerprint"]
    if not tables:
        return own
    return hashlib.sha256((own + fingerprint_tables(tables)).encode()).hexdigest()[:16]


def _mark_wanted(file: ParquetFile, number: int, fold: int | None, roles: Sequence[str]) -> np.ndarray[Any, Any]:
    place = file.read_row_group(number, _PLACE)
    wanted = np.isin(place["role"].to_numpy(), list(roles))
    return wanted if fold is None else wanted & (place["fold"].to_numpy() == fold)
