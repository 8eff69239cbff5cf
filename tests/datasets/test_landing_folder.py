from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from triptych.datasets import LandingFolderDataset


def land(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., LandingFolderDataset]:
    """Return a function that makes a dataset on the same folder and ledger: each call is another process."""
    (tmp_path / "landing").mkdir()

    def make(**options: Any) -> LandingFolderDataset:
        return LandingFolderDataset(
            path=str(tmp_path / "landing"), checkpoint={"filepath": str(tmp_path / "ledger.json")}, **options
        )

    return make


def test_what_is_not_confirmed_is_handed_out_again(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_mp4="a", b_mp4="b")
    assert set(make().load()) == {"a.mp4", "b.mp4"}
    assert set(make().load()) == {"a.mp4", "b.mp4"}


def test_what_is_confirmed_in_another_process_is_not_handed_out_again(
    make: Callable[..., LandingFolderDataset], tmp_path: Path
) -> None:
    land(tmp_path / "landing", b_mp4="b")
    make().load()
    make().confirm()
    assert make().load() == {}
    land(tmp_path / "landing", a_mp4="lands later, under an earlier name")
    assert set(make().load()) == {"a.mp4"}


def test_a_file_that_lands_during_the_run_is_not_confirmed_with_it(
    make: Callable[..., LandingFolderDataset], tmp_path: Path
) -> None:
    land(tmp_path / "landing", a_mp4="a")
    dataset = make()
    dataset.load()
    land(tmp_path / "landing", b_mp4="b")
    dataset.confirm()
    assert set(make().load()) == {"b.mp4"}


def test_a_file_that_changes_is_new(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_mp4="half")
    make().load()
    make().confirm()
    land(tmp_path / "landing", a_mp4="half and the rest")
    assert set(make().load()) == {"a.mp4"}


def test_a_second_confirm_changes_nothing(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_mp4="a")
    make().load()
    make().confirm()
    before = (tmp_path / "ledger.json").read_text()
    make().confirm()
    assert (tmp_path / "ledger.json").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landing", "ledger.json"]


def test_hidden_files_and_other_endings_are_ignored(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_MP4="a", _b_mp4="b", c_txt="c")
    (tmp_path / "landing" / "deeper").mkdir()
    (tmp_path / "landing" / "deeper" / "d e.mp4").write_text("d")
    assert set(make(suffixes=[".mp4"]).load()) == {"a.MP4", "deeper/d e.mp4"}


def test_a_fetched_file_has_the_content(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_mp4="content")
    target = tmp_path / "fetched" / "x.mp4"
    make().load()["a.mp4"].fetch(target)
    assert target.read_text() == "content"
    assert list(target.parent.iterdir()) == [target]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    dataset = LandingFolderDataset(
        path=str(tmp_path / "nowhere"), checkpoint={"filepath": str(tmp_path / "ledger.json")}
    )
    with pytest.raises(DatasetError, match="nowhere is no folder"):
        dataset.load()


def test_a_broken_ledger_is_named(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text("{")
    with pytest.raises(DatasetError, match=r"ledger.json is not the list"):
        make().load()


def test_it_works_the_same_on_a_remote_file_system(tmp_path: Path) -> None:
    root = f"memory://{uuid.uuid4().hex}"
    memory = fsspec.filesystem("memory")
    memory.pipe(f"{root}/landing/b.mp4", b"content")
    dataset = LandingFolderDataset(path=f"{root}/landing", checkpoint={"filepath": f"{root}/ledger.json"})
    dataset.load()["b.mp4"].fetch(tmp_path / "b.mp4")
    assert (tmp_path / "b.mp4").read_bytes() == b"content"
    dataset.confirm()
    memory.pipe(f"{root}/landing/a.mp4", b"new")
    assert set(LandingFolderDataset(path=f"{root}/landing", checkpoint={"filepath": f"{root}/ledger.json"}).load()) == {
        "a.mp4"
    }


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=3), max_size=5))
def test_every_file_is_confirmed_once(batches: list[list[str]]) -> None:
    root = f"memory://{uuid.uuid4().hex}"
    memory = fsspec.filesystem("memory")
    memory.makedirs(f"{root}/landing", exist_ok=True)
    seen: list[str] = []
    for batch in batches:
        for name in set(batch):
            if not memory.exists(f"{root}/landing/{name}"):
                memory.pipe(f"{root}/landing/{name}", b"x")
        dataset = LandingFolderDataset(path=f"{root}/landing", checkpoint={"filepath": f"{root}/ledger.json"})
        seen += dataset.load()
        dataset.confirm()
    assert sorted(seen) == sorted({name for batch in batches for name in batch})
