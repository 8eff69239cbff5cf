"""What is pushed from one folder can be pulled into another that stands for the same; plain folders are left alone."""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from triptych.datasets import WorkFolderDataset
from triptych.sharing.agreement import agree
from triptych.shelf.params import TrainingParams
from triptych.shelf.training.checkpoints import Checkpoints
from triptych.storage import mirrors
from triptych.video.stylizing.store import SegmentStore

ADDRESS = "memory://work/segments"


@pytest.fixture(autouse=True)
def store() -> Iterator[fsspec.AbstractFileSystem]:
    """Fsspec's file system in memory, empty, and no folder mounted."""
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    mirrors._mounted.clear()
    yield filesystem
    filesystem.store.clear()
    mirrors._mounted.clear()


def another_machine() -> Path:
    """Mount the same address again as another process would."""
    mirrors._mounted["another"] = mirrors._Mirror(ADDRESS)
    return mirrors._mounted["another"].folder


def test_a_plain_folder_stands_for_itself(tmp_path: Path) -> None:
    for address in (tmp_path / "a", str(tmp_path / "b"), f"file://{tmp_path}/c"):
        folder = mirrors.mount(address)
        assert folder.is_dir()
        assert folder.parent == tmp_path
        (folder / "x").write_text("1")
        mirrors.push(folder / "x")
        mirrors.pull(folder / "x")
        mirrors.pull(folder / "missing")
        assert mirrors.size_of(folder / "x") == 1
        assert mirrors.size_of(folder / "missing") is None
        mirrors.drop(folder / "x")
        mirrors.drop(folder / "x")
        assert not any(folder.iterdir())


def test_a_folder_is_mounted_once(store: fsspec.AbstractFileSystem) -> None:
    assert mirrors.mount(ADDRESS) == mirrors.mount(ADDRESS) == WorkFolderDataset(filepath=ADDRESS).load()


def test_what_is_pushed_can_be_pulled_elsewhere(store: fsspec.AbstractFileSystem) -> None:
    here, there = mirrors.mount(ADDRESS), another_machine()
    for name in ("a.txt", "deep/b.txt", "deep/c.txt"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(name)
        mirrors.push(here / name)
    mirrors.pull(there / "deep" / "b.txt")
    assert [path.name for path in there.rglob("*.txt")] == ["b.txt"]
    assert mirrors.size_of(there / "a.txt") == 5
    mirrors.pull(there)
    assert sorted(path.read_text() for path in there.rglob("*.txt")) == ["a.txt", "deep/b.txt", "deep/c.txt"]


def test_only_what_has_changed_is_pulled_again(
    store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = mirrors.mount(ADDRESS), another_machine()
    for name in ("a", "b", "c"):
        (here / name).write_text("1")
        mirrors.push(here / name)
    mirrors.pull(there)
    (here / "b").write_text("22")
    mirrors.push(here / "b")
    fetched: list[str] = []
    filesystem = mirrors._mounted["another"].filesystem
    get = filesystem.get_file

    def note(path: str, *rest: str) -> None:
        fetched.append(path)
        get(path, *rest)

    monkeypatch.setattr(filesystem, "get_file", note)
    mirrors.pull(there)
    assert (there / "b").read_text() == "22"
    assert [Path(path).name for path in fetched] == ["b"]
    mirrors.pull(here)
    assert (here / "b").read_text() == "22"


def test_what_is_dropped_is_gone_everywhere(store: fsspec.AbstractFileSystem) -> None:
    here = mirrors.mount(ADDRESS)
    (here / "a").write_text("1")
    mirrors.push(here / "a")
    mirrors.drop(here / "a")
    mirrors.drop(here / "a")
    mirrors.pull(here / "a")
    assert not (here / "a").exists()
    assert store.find("/work") == []


def test_a_segment_made_on_one_machine_is_found_on_another(store: fsspec.AbstractFileSystem) -> None:
    here, there = SegmentStore(mirrors.mount(ADDRESS)), SegmentStore(another_machine())
    assert there.find("abcd") is None
    here.note_failure("abcd", "no memory")
    assert there.failure("abcd") == "no memory"
    with here.writing("abcd") as (part, record):
        part.write_bytes(b"film")
        record["frames"] = 3
    assert there.find("abcd") == {"frames": 3, "bytes": 4}
    assert not there.video_path("abcd").exists()
    assert there.fetch_video("abcd").read_bytes() == b"film"


def test_a_segment_whose_video_was_never_put_there_is_missing(store: fsspec.AbstractFileSystem) -> None:
    there = SegmentStore(another_machine())
    store.pipe_file("/work/segments/ab/abcd.json", json.dumps({"bytes": 4}).encode())
    assert there.find("abcd") is None


def test_ranks_on_several_machines_agree(store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("AZUREML_RUN_ID", "job")
    here, there = mirrors.mount(ADDRESS), another_machine()
    monkeypatch.setenv("RANK", "0")
    assert agree(here, "topic", lambda: {"runtime": "eager"}) == {"runtime": "eager"}
    monkeypatch.setenv("RANK", "1")
    assert agree(there, "topic", lambda: {"runtime": "never asked"}) == {"runtime": "eager"}


def test_a_training_goes_on_on_another_machine(store: fsspec.AbstractFileSystem) -> None:
    training = TrainingParams(epochs=3, checkpoint_share=1.0)
    here, there = (Checkpoints(folder, "data", training) for folder in (mirrors.mount(ADDRESS), another_machine()))
    for epoch in (1, 2):
        here.save({"epoch": epoch, "best_epoch": epoch}, {"weight": epoch})
    assert there.load() == {"epoch": 2, "best_epoch": 2, "fingerprint": "data"}
    assert there.load_best(2) == {"weight": 2}
    longer = Checkpoints(mirrors.mount(ADDRESS), "data", training.replace(epochs=9))
    assert (longer.load() or {})["extends"] == 3
    assert longer.load_best(2) == {"weight": 2}
    assert len(store.find("/work")) == 2
    there.clear()
    assert store.find("/work") == []


def test_a_file_that_is_created_is_never_seen_empty(tmp_path: Path) -> None:
    """Who finds one empty would take it for that of a process that died while writing."""
    seen: list[str] = []

    def watch(path: Path) -> None:
        while not path.exists():
            pass
        seen.append(path.read_text())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for number in range(300):
            watcher = threading.Thread(target=watch, args=(tmp_path / str(number),))
            watcher.start()
            assert mirrors.create(tmp_path / str(number), "mine")
            watcher.join()
    finally:
        sys.setswitchinterval(interval)
    assert seen == ["mine"] * 300
    assert not mirrors.create(tmp_path / "0", "another's")
    assert (tmp_path / "0").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 300


def test_a_file_is_created_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert mirrors.create(tmp_path / "a", "mine")
    assert not mirrors.create(tmp_path / "a", "another's")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


WINDOWS = ["..\\evil", "C:\\evil", "C:evil"] if os.name == "nt" else []


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "a/..", "e\0vil", *WINDOWS])
def test_a_name_that_leads_out_of_the_folder_is_passed_over(
    name: str, store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = mirrors.mount(ADDRESS)
    mirrors.write(folder / "good", "1")
    found = store.find("/work/segments", detail=True)
    evil = f"/work/segments/{name}"
    # As blob storage lists it; what fsspec keeps in memory cleans names up.
    listing = {**found, evil: {"name": evil, "size": 1, "type": "file"}}
    remote = Listing(store, listing)
    monkeypatch.setattr(mirrors._mounted[ADDRESS], "filesystem", remote)
    (folder / "good").unlink()
    mirrors.pull(folder)
    assert remote.fetched == ["/work/segments/good"]
    assert set(mirrors.list_files(folder)) == {folder / "good"}
    assert "whose names lead out of" in caplog.text


class Listing:
    """A file system that lists what it is told to, and notes what is asked of it."""

    def __init__(self, filesystem: fsspec.AbstractFileSystem, listing: dict[str, Any]) -> None:
        self._filesystem, self._listing = filesystem, listing
        self.fetched: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._filesystem, name)

    def find(self, root: str, detail: bool) -> dict[str, Any]:
        return self._listing

    def get(self, remote: list[str], local: list[str], **options: Any) -> None:
        self.fetched += remote

    def get_file(self, remote: str, local: str) -> None:
        self.fetched.append(remote)
        Path(local).touch()
