from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from triptych.watcher.folders import list_landed


def test_files_are_listed_and_nothing_else(landing: Path) -> None:
    (landing / "deep").mkdir()
    (landing / ".hidden").mkdir()
    for name in ("b.mp4", "deep/ä 日.jpg", ".a.mp4.part", ".hidden/c.mp4"):
        (landing / name).write_text("x")
    os.mkfifo(landing / "pipe.mp4")
    (landing / "link.mp4").symlink_to("/etc/passwd")
    (landing / "link").symlink_to("/etc")
    listed = {file.name: file.fingerprint for file in list_landed(str(landing))}
    assert list(listed) == ["b.mp4", "deep/ä 日.jpg"]
    (landing / "b.mp4").write_text("xy")
    assert {file.name: file.fingerprint for file in list_landed(str(landing))}["b.mp4"] != listed["b.mp4"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_landed(str(tmp_path / "none"))


def test_names_in_blob_storage_do_not_lead_out() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("a.mp4", "deep/b.mp4", "x/../../c.mp4", ".part/d.mp4", "deep/.e.mp4"):
        memory.pipe_file(f"/watched/{name}", b"x")
    listed = [file.name for file in list_landed("memory://watched")]
    memory.rm("/watched", recursive=True)
    assert listed == ["a.mp4", "deep/b.mp4"]
