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

from triptych.datasets import ConfirmedFilesDataset, LandingFolderDataset
from triptych.storage.blob_storage import LandedFile


def land(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def confirm(root: Path | str, files: dict[str, LandedFile]) -> None:
    """Save what was handled, as the last node does, in a process of its own."""
    dataset = ConfirmedFilesDataset(checkpoint={"filepath": f"{root}/ledger.json"})
    dataset.save({name: file.fingerprint for name, file in files.items()})


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
    confirm(tmp_path, make().load())
    assert make().load() == {}
    land(tmp_path / "landing", a_mp4="lands later, under an earlier name")
    assert set(make().load()) == {"a.mp4"}


def test_a_file_that_lands_during_the_run_is_not_confirmed_with_it(
    make: Callable[..., LandingFolderDataset], tmp_path: Path
) -> None:
    land(tmp_path / "landing", a_mp4="a")
    handled = make().load()
    land(tmp_path / "landing", b_mp4="b")
    confirm(tmp_path, handled)
    assert set(make().load()) == {"b.mp4"}


def test_a_file_that_changes_is_new(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_mp4="half")
    confirm(tmp_path, make().load())
    land(tmp_path / "landing", a_mp4="half and the rest")
    assert set(make().load()) == {"a.mp4"}


def test_two_runs_at_once_confirm_what_each_has_handled(
    make: Callable[..., LandingFolderDataset], tmp_path: Path
) -> None:
    land(tmp_path / "landing", a_mp4="a")
    of_first = make().load()
    land(tmp_path / "landing", b_mp4="b")
    of_second = make().load()
    assert set(of_second) == {"a.mp4", "b.mp4"}
    confirm(tmp_path, of_first)
    assert set(make().load()) == {"b.mp4"}  # the second run is still at work on it, or fails
    confirm(tmp_path, of_second)
    assert make().load() == {}


def test_a_file_that_changed_while_it_was_handled_is_new(
    make: Callable[..., LandingFolderDataset], tmp_path: Path
) -> None:
    land(tmp_path / "landing", a_mp4="a")
    handled = make().load()
    land(tmp_path / "landing", a_mp4="longer")
    confirm(tmp_path, handled)
    assert set(make().load()) == {"a.mp4"}


def test_what_is_confirmed_can_be_read(tmp_path: Path) -> None:
    dataset = ConfirmedFilesDataset(checkpoint={"filepath": str(tmp_path / "ledger.json")})
    assert dataset.load() == {}
    assert not dataset.exists()
    dataset.save({"a.mp4": "1"})
    dataset.save({"b.mp4": "2"})
    assert dataset.load() == {"a.mp4": "1", "b.mp4": "2"}
    assert dataset.exists()


def test_hidden_files_and_other_endings_are_ignored(make: Callable[..., LandingFolderDataset], tmp_path: Path) -> None:
    land(tmp_path / "landing", a_MP4="a", _b_mp4="b", c_txt="c")
    (tmp_path / "landing" / "deeper").mkdir()
    (tmp_path / "landing" / "deeper" / "d e.mp4").write_text("d")
    assert set(make(suffixes=[".mp4"]).load()) == {"a.MP4", "deeper/d e.mp4"}


def test_other_endings_are_counted_in_one_warning(
    make: Callable[..., LandingFolderDataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land(tmp_path / "landing", a_mp4="a", b_VOB="b", c_vob="c", d_vob="d", e_mxf="e", noending="f")
    assert set(make(suffixes=[".mp4"]).load()) == {"a.mp4"}
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    text = record.getMessage()
    assert "5 files" in text
    assert ".vob (3), .mxf (1), no ending (1)" in text
    assert "b.VOB, c.vob, d.vob" in text
    assert "e.mxf" not in text
    assert "suffixes" in text


def test_what_lies_beside_videos_is_passed_over_in_silence(
    make: Callable[..., LandingFolderDataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land(tmp_path / "landing", a_mp4="a", a_srt="b", a_TXT="c", a_json="d", a_jpg="e", a_part="f")
    (tmp_path / "landing" / ".hidden.vob").write_text("g")
    (tmp_path / "landing" / ".folder").mkdir()
    (tmp_path / "landing" / ".folder" / "in.vob").write_text("h")
    assert set(make(suffixes=[".mp4"]).load()) == {"a.mp4"}
    assert set(make().load()) == {"a.mp4", "a.srt", "a.TXT", "a.json", "a.jpg", "a.part"}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ("", {"new.mp4"}),
        ([], {"new.mp4"}),
        ("a.mp4", {"new.mp4", "a.mp4"}),
        ("*.mov", {"new.mp4", "deep/c.mov"}),
        (None, {"new.mp4"}),
        ("a.mp4 | deep/*", {"new.mp4", "a.mp4", "deep/c.mov"}),
        (["a.*", "*c.mov"], {"new.mp4", "a.mp4", "deep/c.mov"}),
    ],
)
def test_confirmed_files_are_handed_out_again_where_that_is_asked_for(
    make: Callable[..., LandingFolderDataset],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    retry: str | list[str],
    expected: set[str],
) -> None:
    (tmp_path / "landing" / "deep").mkdir()
    land(tmp_path / "landing", a_mp4="a", b_mp4="b")
    (tmp_path / "landing" / "deep" / "c.mov").write_text("c")
    confirm(tmp_path, make().load())
    land(tmp_path / "landing", new_mp4="new")
    assert set(make(retry=retry).load()) == expected
    assert caplog.records == []


def test_a_pattern_that_no_file_has_is_named(
    make: Callable[..., LandingFolderDataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land(tmp_path / "landing", a_mp4="a", b_txt="b")
    assert set(make(retry="a.mp4|b.mp4|*.txt", suffixes=[".mp4"]).load()) == {"a.mp4"}
    (record,) = caplog.records
    assert "b.mp4, *.txt" in record.getMessage()


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
    landed = dataset.load()
    landed["b.mp4"].fetch(tmp_path / "b.mp4")
    assert (tmp_path / "b.mp4").read_bytes() == b"content"
    confirm(root, landed)
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
        landed = dataset.load()
        seen += landed
        confirm(root, landed)
    assert sorted(seen) == sorted({name for batch in batches for name in batch})
