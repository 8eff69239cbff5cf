from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from triptych.datasets.parquet_batches import ParquetBatchesDataset
from triptych.faq.dump import parquet_batches

SCHEMA = pa.schema([("id", pa.int64()), ("body", pa.string())])


class Stream:
    schema = SCHEMA

    def __init__(self, sizes: list[int], fails: bool = False) -> None:
        self._sizes, self._fails = sizes, fails
        self.metadata: dict[str, Any] = {}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        start = 0
        for size in self._sizes:
            ids = list(range(start, start + size))
            yield pa.record_batch([ids, [f"é{number}" for number in ids]], schema=SCHEMA)
            start += size
        if self._fails:
            raise RuntimeError("the source broke off")
        self.metadata = {"rows": start, "note": "é"}


def test_round_trip_with_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_batches, "_GROUP_ROWS", 50)
    dataset = ParquetBatchesDataset(filepath=tmp_path / "deep" / "posts.parquet")
    dataset.save(Stream([30, 0, 30, 5]))
    file = dataset.load()
    assert file.metadata == {"rows": 65, "note": "é"}
    assert file.num_rows == 65
    assert file.to_pandas()["id"].tolist() == list(range(65))
    assert file.to_pandas(columns=["id"], filters=[("id", "<", 3)]).to_dict("list") == {"id": [0, 1, 2]}
    batches = list(file.iter_batches(columns=["body"], batch_rows=40))
    assert [name for batch in batches for name in batch.schema.names] == ["body"] * len(batches)
    assert [text for batch in batches for text in batch["body"].to_pylist()] == [f"é{n}" for n in range(65)]
    assert pq.read_metadata(file.path).num_row_groups == 3
    assert [path.name for path in file.path.parent.iterdir()] == ["posts.parquet"]


def test_empty_stream_is_an_empty_file(tmp_path: Path) -> None:
    dataset = ParquetBatchesDataset(filepath=str(tmp_path / "posts.parquet"))
    dataset.save(Stream([]))
    assert dataset.load().to_pandas().columns.tolist() == ["id", "body"]
    assert dataset.load().metadata["rows"] == 0


def test_failure_leaves_the_old_file_alone(tmp_path: Path) -> None:
    dataset = ParquetBatchesDataset(filepath=tmp_path / "posts.parquet")
    dataset.save(Stream([3]))
    with pytest.raises(DatasetError, match="the source broke off"):
        dataset.save(Stream([70_000], fails=True))
    assert dataset.load().num_rows == 3
    assert [path.name for path in tmp_path.iterdir()] == ["posts.parquet"]


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    dataset = ParquetBatchesDataset(filepath=tmp_path / "posts.parquet", metadata={})
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="does not exist: run the node that writes it"):
        dataset.load()
    (tmp_path / "posts.parquet").write_text("not parquet")
    with pytest.raises(DatasetError, match="is not a Parquet file"):
        dataset.load()
    assert "posts.parquet" in str(dataset)


def test_file_without_report(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "posts.parquet")
    assert ParquetBatchesDataset(filepath=tmp_path / "posts.parquet").load().metadata == {}
