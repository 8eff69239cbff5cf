"""A list that several processes add to at the same moment."""

from __future__ import annotations

import json
import multiprocessing
import time
import uuid
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from triptych.storage import ledgers
from triptych.storage.ledgers import Ledger

WRITERS = 4
EACH = 12


def add_many(url: str, writer: int) -> None:
    ledger = Ledger(url)
    for number in range(EACH):
        ledger.add({f"{writer}-{number}": str(number)})


def test_nothing_is_lost_where_several_processes_add_at_once(tmp_path: Path) -> None:
    url = str(tmp_path / "deep" / "ledger.json")
    with ProcessPoolExecutor(WRITERS, multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(add_many, url, writer) for writer in range(WRITERS)]:
            done.result(timeout=120)
    expected = {f"{writer}-{number}": str(number) for writer in range(WRITERS) for number in range(EACH)}
    assert json.loads(Path(url).read_text()) == expected
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["ledger.json"]


def test_nothing_is_lost_on_a_remote_file_system_either() -> None:
    url = f"memory://{uuid.uuid4().hex}/ledger.json"
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda writer: add_many(url, writer), range(WRITERS)))
    assert len(json.loads(fsspec.filesystem("memory").cat_file(url))) == WRITERS * EACH


@pytest.mark.parametrize("owner", ["", "a process that was killed"])
@pytest.mark.parametrize("place", ["local", "remote"])
def test_the_lock_of_a_dead_process_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, owner: str
) -> None:
    monkeypatch.setattr(ledgers, "STALE_S", 0.3)
    root = str(tmp_path) if place == "local" else f"memory://{uuid.uuid4().hex}"
    filesystem, folder = fsspec.core.url_to_fs(root)
    filesystem.pipe_file(f"{folder}/ledger.json.lock", owner.encode())
    start = time.monotonic()
    Ledger(f"{root}/ledger.json").add({"a": "1"})
    assert 0.3 <= time.monotonic() - start < 10
    assert Ledger(f"{root}/ledger.json").read() == {"a": "1"}
    assert [path.split("/")[-1] for path in filesystem.find(folder)] == ["ledger.json"]


def test_a_lock_that_is_alive_is_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "ledger.json.lock"
    lock.write_text("somebody")
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(Ledger(str(tmp_path / "ledger.json")).add, {"a": "1"})
        time.sleep(0.5)
        assert not (tmp_path / "ledger.json").exists()
        lock.unlink()
        adding.result(timeout=10)
    assert Ledger(str(tmp_path / "ledger.json")).read() == {"a": "1"}


def test_what_another_process_overwrites_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a lock that was taken for one of a dead process, whose process was only slow."""
    ledger, write, calls = Ledger(str(tmp_path / "ledger.json")), Ledger._write, 0

    def be_overwritten(self: Ledger, entries: dict[str, str]) -> None:
        nonlocal calls
        calls += 1
        write(self, entries)
        if calls == 1:
            write(self, {"of another": "2"})

    monkeypatch.setattr(Ledger, "_write", be_overwritten)
    ledger.add({"a": "1"})
    assert ledger.read() == {"a": "1", "of another": "2"}


def test_a_write_that_fails_leaves_the_list_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(str(tmp_path / "ledger.json"))
    ledger.add({"a": "1"})

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        ledger.add({"b": "2"})
    assert ledger.read() == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.json"]


def test_adding_nothing_writes_nothing(tmp_path: Path) -> None:
    Ledger(str(tmp_path / "ledger.json")).add({})
    assert list(tmp_path.iterdir()) == []
