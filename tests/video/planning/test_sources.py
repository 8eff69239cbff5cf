from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import fsspec
import pytest

from triptych.storage.blob_storage import LandedFile
from triptych.video.planning.sources import collect, list_handed_out, list_sources


def test_one_that_cannot_be_fetched_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a.mp4").write_text("a")
    disk = fsspec.filesystem("file")
    place = tmp_path / "landing"
    landing = {name: LandedFile(name, f"of {name[0]}", str(place / name), disk) for name in ("a.mp4", "vanished.mp4")}
    (tmp_path / "sources").mkdir()
    collect(landing, tmp_path / "sources")
    names, failed = list_sources(tmp_path / "sources")
    assert names == ["a.mp4"]
    assert list(failed) == ["vanished.mp4"]
    assert (tmp_path / "sources" / "a.mp4").read_text() == "a"
    # What was never had was not handled, whatever becomes of the others.
    assert list_handed_out(tmp_path / "sources") == {"a.mp4": "of a"}


def test_a_run_without_new_videos_has_a_list_too(tmp_path: Path) -> None:
    collect({}, tmp_path)
    assert list_sources(tmp_path) == ([], {})
    assert list_handed_out(tmp_path) == {}


def test_a_full_disk_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the step, which fetches the file when it is run again."""
    (tmp_path / "a.mp4").write_text("a")

    def fill(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("triptych.storage.blob_storage.link_or_copy", fill)
    landing = {"a.mp4": LandedFile("a.mp4", "1", str(tmp_path / "a.mp4"), fsspec.filesystem("file"))}
    (tmp_path / "sources").mkdir()
    with pytest.raises(OSError, match="No space left"):
        collect(landing, tmp_path / "sources")
