"""A folder passes whole from node to node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets import FolderDataset
from triptych.storage.folder import Folder


@pytest.fixture
def folder() -> Folder:
    made = Folder.create("test")
    (made.path / "deep" / "er").mkdir(parents=True)
    (made.path / "deep" / "er" / "a.bin").write_bytes(b"\x00a")
    (made.path / "b.txt").write_text("b")
    return made


def test_files_of_a_folder_move_into_the_dataset(folder: Folder, tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "to" / "photos")
    assert not dataset.exists()
    dataset.save(folder)
    assert dataset.exists()
    loaded = dataset.load()
    assert loaded == tmp_path / "to" / "photos"
    assert (loaded / "deep" / "er" / "a.bin").read_bytes() == b"\x00a"
    assert list(folder.path.iterdir()) == []


def test_a_path_is_copied(folder: Folder, tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "photos")
    dataset.save(folder.path)
    assert (dataset.load() / "b.txt").read_text() == (folder.path / "b.txt").read_text() == "b"


def test_a_save_replaces_what_was_there(folder: Folder, tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "photos")
    dataset.save(folder)
    other = Folder.create("test")
    (other.path / "c").touch()
    dataset.save(other)
    assert [path.name for path in dataset.load().iterdir()] == ["c"]


def test_what_was_loaded_can_be_saved_in_its_place(folder: Folder, tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "photos")
    dataset.save(folder)
    dataset.save(dataset.load())
    assert (dataset.load() / "b.txt").read_text() == "b"


def test_a_folder_goes_with_its_object() -> None:
    folder = Folder.create("test")
    path = folder.path
    assert path.is_dir()
    del folder
    assert not path.exists()


@pytest.mark.parametrize(("broken", "as_path"), [("shutil.move", False), ("shutil.copytree", True)])
def test_a_save_that_breaks_leaves_what_was_there(
    broken: str, as_path: bool, folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = FolderDataset(filepath=tmp_path / "to" / "photos")
    dataset.save(folder.path)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(broken, fail)
        with pytest.raises(DatasetError, match="disk full"):
            dataset.save(folder.path if as_path else folder)
    assert (dataset.load() / "b.txt").read_text() == "b"
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["photos"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"nothing is no folder: put the files there"):
        dataset.load()
    (tmp_path / "nothing").touch()
    assert not dataset.exists()


def test_adding_keeps_what_is_there(tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "finished", add=True)
    for name, content in (("a.mp4", "old"), ("b.mp4", "b"), ("a.mp4", "new")):
        folder = Folder.create("videos")
        (folder.path / "deeper [1]").mkdir()
        (folder.path / "deeper [1]" / name).write_text(content)
        dataset.save(folder)
    found = {path.name: path.read_text() for path in (dataset.load() / "deeper [1]").iterdir()}
    assert found == {"a.mp4": "new", "b.mp4": "b"}


def test_adding_nothing_makes_the_folder(tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=tmp_path / "finished", add=True)
    dataset.save(Folder.create("videos"))
    assert [path.name for path in dataset.load().iterdir()] == [".keep"]
