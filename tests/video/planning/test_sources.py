from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, NoReturn

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


def test_one_that_may_not_be_read_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard link can be made to it, and would tell only when it is too late."""
    place = tmp_path / "landing"
    place.mkdir()
    landing = {}
    for name in ("a.mp4", "secret.mp4"):
        (place / name).write_text("a")
        landing[name] = LandedFile(name, "1", str(place / name), fsspec.filesystem("file"))
    opened = Path.open

    def deny(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "secret.mp4":  # root may read everything
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", deny)
    (tmp_path / "sources").mkdir()
    collect(landing, tmp_path / "sources")
    names, failed = list_sources(tmp_path / "sources")
    assert names == ["a.mp4"]
    assert "Permission denied" in failed["secret.mp4"]
