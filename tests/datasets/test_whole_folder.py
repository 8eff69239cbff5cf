"""A folder is replaced whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.datasets.whole_folder import replace_folder


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
