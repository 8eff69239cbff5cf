from __future__ import annotations

from pathlib import Path

import fsspec

from triptych.storage.blob_storage import LandedFile
from triptych.video.planning.sources import collect, list_sources


def test_one_that_cannot_be_fetched_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a.mp4").write_text("a")
    disk = fsspec.filesystem("file")
    landing = {
        name: LandedFile(name, "1", str(tmp_path / "landing" / name), disk) for name in ("a.mp4", "vanished.mp4")
    }
    (tmp_path / "sources").mkdir()
    collect(landing, tmp_path / "sources")
    names, failed = list_sources(tmp_path / "sources")
    assert names == ["a.mp4"]
    assert list(failed) == ["vanished.mp4"]
    assert (tmp_path / "sources" / "a.mp4").read_text() == "a"


def test_a_run_without_new_videos_has_a_list_too(tmp_path: Path) -> None:
    collect({}, tmp_path)
    assert list_sources(tmp_path) == ([], {})
