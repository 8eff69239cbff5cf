"""A work folder is there when asked for, and never an output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets import WorkFolderDataset


def test_the_folder_is_made_when_asked_for_and_kept(tmp_path: Path) -> None:
    dataset = WorkFolderDataset(filepath=tmp_path / "to" / "work")
    assert not dataset.exists()
    (dataset.load() / "done").touch()
    assert dataset.exists()
    assert [path.name for path in dataset.load().iterdir()] == ["done"]


def test_it_is_no_output(tmp_path: Path) -> None:
    dataset: Any = WorkFolderDataset(filepath=tmp_path / "work")
    with pytest.raises(DatasetError, match="work folder of a node"):
        dataset.save(tmp_path)
    assert not dataset.exists()
