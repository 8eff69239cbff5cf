"""On a mount, files are written from start to end and never renamed; only rank 0 writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from triptych.datasets import MountedAssetDataset, MountedDataset
from triptych.datasets.mounted import copy_files
from triptych.storage.folder import Folder


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing can be renamed."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def refuse(wrapped: Any) -> Any:
        def rename(source: Any, target: Any, *rest: Any, **more: Any) -> Any:
            if any(Path(name).is_relative_to(folder) for name in (source, target)):
                raise OSError(38, "Function not implemented")
            return wrapped(source, target, *rest, **more)

        return rename

    for name in ("rename", "replace", "link"):
        monkeypatch.setattr(os, name, refuse(getattr(os, name)))
        if hasattr(Path, name):  # Python 3.10's holds on to the functions of os
            monkeypatch.setattr(Path, name, refuse(getattr(Path, name)))
    return folder


def make(kind: str, file: str, mount: Path) -> Any:
    dataset: Any = MountedDataset({"type": f"triptych.datasets.{kind}", "filepath": file})
    dataset.root_dir = str(mount)
    return dataset


def test_a_mount_cannot_rename(mount: Path) -> None:
    (mount / "a").touch()
    with pytest.raises(OSError, match="Function not implemented"):
        (mount / "a").rename(mount / "b")


def test_a_table_comes_back(mount: Path) -> None:
    dataset, table = make("CSVDataset", "a.csv", mount), pd.DataFrame({"a": [1, 2]})
    dataset.save(table)
    dataset.save(table)
    assert [path.name for path in mount.iterdir()] == ["a.csv"]
    pd.testing.assert_frame_equal(dataset.load()[["a"]], table)
    assert dataset.root_dir == str(mount)


def test_a_folder_comes_back_and_an_empty_one_is_not_lost(mount: Path) -> None:
    for files in (["a.jpg", "deep/b.jpg"], []):
        folder = Folder.create("photos")
        for name in files:
            (folder.path / name).parent.mkdir(exist_ok=True)
            (folder.path / name).write_text(name)
        dataset = make("FolderDataset", f"photos{len(files)}", mount)
        dataset.save(folder)
        found = {path.relative_to(dataset.load()).as_posix() for path in dataset.load().rglob("*") if path.is_file()}
        assert found == set(files or [".keep"])


def test_only_rank_0_writes(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asset: Any = MountedAssetDataset("asset", {"type": "triptych.datasets.JSONDataset", "filepath": "a.json"})
    asset.as_remote()
    asset.root_dir = str(mount)
    monkeypatch.setenv("RANK", "1")
    asset.save([1])
    assert list(mount.iterdir()) == []
    monkeypatch.setenv("RANK", "0")
    asset.save([1])
    assert asset.load() == [1]


def test_a_failed_save_leaves_nothing_on_the_mount(mount: Path) -> None:
    dataset = make("JSONDataset", "a.json", mount)
    with pytest.raises(Exception, match="not JSON serializable"):
        dataset.save(object())
    assert list(mount.iterdir()) == []
    assert dataset.root_dir == str(mount)


def test_everything_below_a_folder_is_copied(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / "a" / str(number % 3) / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    copy_files(tmp_path / "a", tmp_path / "b")
    copied = {path.relative_to(tmp_path / "b"): path.read_text() for path in (tmp_path / "b").rglob("*.txt")}
    assert copied == {Path(str(n % 3)) / f"{n}.txt": str(n) for n in range(30)}
