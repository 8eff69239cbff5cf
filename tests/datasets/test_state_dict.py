from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from kedro.io import DatasetError

from triptych.datasets import StateDictDataset


def test_weights_come_back_without_unpickling_code(tmp_path: Path) -> None:
    dataset = StateDictDataset(filepath=tmp_path / "models" / "a.pth")
    dataset.save({"weight": torch.arange(3.0)})
    loaded = torch.load(dataset.load(), weights_only=True)
    assert loaded["weight"].tolist() == [0, 1, 2]


def test_a_failed_save_leaves_the_old_one(tmp_path: Path) -> None:
    dataset = StateDictDataset(filepath=tmp_path / "a.pth")
    dataset.save({"weight": torch.ones(1)})
    unsaveable: Any = {"weight": (number for number in range(3))}
    with pytest.raises(DatasetError):
        dataset.save(unsaveable)
    assert torch.load(dataset.load(), weights_only=True) == {"weight": torch.ones(1)}
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_a_missing_one_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a.pth is missing: run the step"):
        StateDictDataset(filepath=tmp_path / "a.pth").load()
