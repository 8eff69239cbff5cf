"""Files appear whole, are told apart by what they hold, and get second names."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.storage.local_files import add_ending, hash_file, link_or_copy, replace_file, replace_folder


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "to" / "a.json"
    with replace_file(target) as part:
        part.write_text("new")
        assert not target.exists()
        assert not list(tmp_path.rglob("*.json"))
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]
    assert target.read_text() == "new"


def test_a_failure_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")

    def write_half() -> None:
        with replace_file(target) as part:
            part.write_text("half")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("letter", ["n", "ü", "映", "😀"])
def test_names_as_long_as_file_systems_take_are_written_too(letter: str, tmp_path: Path) -> None:
    name = (letter * 255).encode()[:251].decode(errors="ignore") + ".mp4"
    with replace_file(tmp_path / name) as part:
        part.write_text("new")
    longer = {add_ending(first + name[1:], ".reason.txt") for first in "ab"}
    assert len(longer) == 2
    for each in longer:
        (tmp_path / each).write_text("why")
        assert each.endswith(".reason.txt")
        assert each[1:50] == name[1:50]
    assert add_ending("clip.avi", ".mkv") == "clip.avi.mkv"


def test_a_file_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "large_disk" / "file")
    with replace_file(tmp_path / "link") as part:
        part.write_text("a")
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "large_disk").iterdir()] == ["file"]
    assert (tmp_path / "link").read_text() == "a"


@pytest.mark.parametrize("size", [0, 1, 2**20, 3_000_000])
def test_a_hash_is_the_sha256_of_the_contents(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    assert hash_file(path) == hashlib.sha256(b"x" * size).hexdigest()


def test_a_second_name_has_the_same_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    link_or_copy(tmp_path / "link", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")

    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr("os.link", refuse)
    link_or_copy(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_text() == "text"
    assert not (tmp_path / "c").samefile(tmp_path / "a")


def fill_with(target: Path, source: Path) -> None:
    with replace_folder(target) as folder:
        (folder / "first").write_text("new")
        (folder / "second").write_text(source.read_text())


def test_the_new_folder_takes_the_place_of_the_old(tmp_path: Path) -> None:
    target = tmp_path / "below" / "folder"
    for name in ("old", "new"):
        with replace_folder(target) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in target.parent.iterdir()] == ["folder"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with replace_folder(target) as folder:
        (folder / "old").write_text("old")
    with pytest.raises(FileNotFoundError):
        fill_with(target, tmp_path / "missing")
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def failing_rename(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Path, Path], bool]) -> None:
    plain = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if fails(self, Path(target)):
            raise OSError("the disk is gone")
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)


def made_folder(target: Path) -> Path:
    with replace_folder(target) as folder:
        (folder / "old").write_text("old")
    return target


def test_a_swap_that_fails_half_way_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = made_folder(tmp_path / "folder")
    failing_rename(monkeypatch, lambda source, to: to == target and source.name.endswith(".part"))
    with pytest.raises(OSError, match="the disk is gone"), replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.read_text() for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_cannot_be_moved_aside_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = made_folder(tmp_path / "folder")
    failing_rename(monkeypatch, lambda source, to: source == target)
    with pytest.raises(OSError, match="the disk is gone"), replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.read_text() for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_disk_that_fails_in_the_swap_and_stays_so_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made_folder(tmp_path / "folder")
    failing_rename(monkeypatch, lambda source, to: to == target)
    with pytest.raises(OSError, match=r"folder is kept as \S*\.old"), replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.read_text() for path in tmp_path.rglob("old")] == ["old"]


def test_an_old_folder_that_cannot_be_removed_does_not_undo_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made_folder(tmp_path / "folder")

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(f"{path} is in use")

    monkeypatch.setattr("triptych.storage.local_files.shutil.rmtree", refuse)
    with replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]


def test_another_process_that_puts_its_folder_there_in_between_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made_folder(tmp_path / "folder")
    plain = Path.rename
    others: list[Path] = []

    def rename(self: Path, to: Path) -> Path:
        if to == target and not others:
            others.append(self)
            target.mkdir()
            (target / "other").write_text("other")
        return plain(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_interrupt_in_the_swap_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = made_folder(tmp_path / "folder")
    plain = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.name.endswith(".part"):
            raise KeyboardInterrupt
        return plain(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt), replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_name_that_others_take_all_the_time_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = made_folder(tmp_path / "folder")
    plain = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.name.endswith(".part"):
            (target / "other").mkdir(parents=True)
        return plain(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="all the time"), replace_folder(target) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["other"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def replace_often(target: Path, times: int) -> None:
    for _ in range(times):
        with replace_folder(target) as folder:
            (folder / "a").write_text("a")


def test_many_processes_replace_one_folder(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=replace_often, args=(tmp_path / "folder", 100)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a"]


def test_a_link_is_written_through_and_a_file_is_refused(tmp_path: Path) -> None:
    made_folder(tmp_path / "large_disk" / "folder")
    (tmp_path / "link").symlink_to(tmp_path / "large_disk" / "folder")
    with replace_folder(tmp_path / "link") as folder:
        (folder / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "large_disk" / "folder").iterdir()] == ["new"]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="file where a folder is to go"), replace_folder(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"
