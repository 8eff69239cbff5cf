from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets import FileDataset


def test_it_loads_as_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"x")
    assert FileDataset(filepath=tmp_path / "a.pth").load() == tmp_path / "a.pth"


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    dataset = FileDataset(filepath=tmp_path / "a.pth")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"a.pth is no file"):
        dataset.load()


def test_a_folder_only_where_it_may_be_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is no file"):
        FileDataset(filepath=tmp_path).load()
    either = FileDataset(filepath=tmp_path, or_folder=True)
    assert either.exists()
    assert either.load() == tmp_path
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        FileDataset(filepath=tmp_path / "none", or_folder=True).load()


def test_it_is_never_written(tmp_path: Path) -> None:
    data: Any = b"x"
    with pytest.raises(DatasetError, match="only read"):
        FileDataset(filepath=tmp_path / "a.pth").save(data)
    assert list(tmp_path.iterdir()) == []
