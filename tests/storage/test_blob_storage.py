"""Addresses of blob storage, and whole folders to and from fsspec's file system in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import DatasetError

from triptych.datasets import FolderDataset, OptionalJSONDataset
from triptych.storage.blob_storage import account_of, is_remote, local_path, without_account
from triptych.storage.folder import Folder

ADDRESS = "abfs://work@account.dfs.core.windows.net/to/best.json"


@pytest.fixture
def memory() -> Iterator[Any]:
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    yield filesystem
    filesystem.store.clear()


@pytest.mark.parametrize("address", ["data/a", "/data/a", "file:///data/a", Path("data/a")])
def test_local_addresses(address: str | Path, tmp_path: Path) -> None:
    assert not is_remote(address)
    assert account_of(address) == {}
    assert without_account(address) == str(address)
    assert local_path(address).as_posix().endswith("data/a")
    assert ":" not in str(local_path(address))


def test_an_address_names_account_and_container() -> None:
    assert is_remote(ADDRESS)
    assert account_of(ADDRESS) == {"account_name": "account"}
    assert without_account(ADDRESS) == "abfs://work/to/best.json"
    assert without_account("abfs://work/to/best.json") == "abfs://work/to/best.json"


def test_kedros_json_keeps_the_container() -> None:
    dataset: Any = OptionalJSONDataset(filepath=ADDRESS)
    assert str(dataset._filepath) == "work/to/best.json"
    assert dataset._fs.account_name == "account"


def put(folder: Folder, *names: str) -> Folder:
    for name in names:
        path = folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_comes_back_whole(memory: Any) -> None:
    dataset = FolderDataset(filepath="memory://photos/shop")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="memory://photos/shop is no folder"):
        dataset.load()
    dataset.save(put(Folder.create("a"), "a.jpg", "deep/b.jpg"))
    assert dataset.exists()
    assert names(dataset.load()) == ["a.jpg", "deep/b.jpg"]


def test_a_folder_is_replaced_or_added_to(memory: Any) -> None:
    for add, expected in ((True, ["a", "b"]), (False, ["b"])):
        dataset = FolderDataset(filepath=f"memory://photos/{add}", add=add)
        dataset.save(put(Folder.create("a"), "a"))
        dataset.save(put(Folder.create("b"), "b"))
        assert sorted(Path(path).name for path in memory.find(f"/photos/{add}")) == expected


def test_an_empty_folder_is_not_lost(memory: Any) -> None:
    FolderDataset(filepath="memory://photos/none").save(Folder.create("none"))
    assert [Path(path).name for path in memory.find("/photos/none")] == [".keep"]


@pytest.mark.parametrize("local", [True, False])
def test_what_is_saved_is_copied_elsewhere_as_well(memory: Any, tmp_path: Path, local: bool) -> None:
    other = str(tmp_path / "styled") if local else "memory://styled"
    dataset = FolderDataset(filepath=tmp_path / "finished", copy_to=other)
    for name in ("a.mp4", "deep/b.mp4"):
        dataset.save(put(Folder.create("x"), name))
    assert names(tmp_path / "finished") == ["deep/b.mp4"]
    copied = names(tmp_path / "styled") if local else [path.removeprefix("/styled/") for path in memory.find("/styled")]
    assert sorted(copied) == ["a.mp4", "deep/b.mp4"]
