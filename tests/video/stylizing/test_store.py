from __future__ import annotations

from pathlib import Path

import pytest

from triptych.video.planning.segments import hash_settings
from triptych.video.stylizing.store import SegmentStore


def fill(store: SegmentStore, key: str, content: bytes = b"video") -> None:
    with store.writing(key) as (path, record):
        path.write_bytes(content)
        record["frames"] = 3


def test_a_segment_is_there_once_written(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "segments")
    assert store.find("abc") is None
    fill(store, "abc")
    assert store.find("abc") == {"frames": 3, "bytes": 5}
    assert store.video_path("abc").read_bytes() == b"video"


def test_a_segment_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError), store.writing("abc") as (path, _):
        fail(path)
    assert store.find("abc") is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_segment_whose_video_was_cut_is_missing(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path)
    fill(store, "abc")
    store.video_path("abc").write_bytes(b"vid")
    assert store.find("abc") is None
    store.video_path("abc").unlink()
    assert store.find("abc") is None


def test_a_broken_record_counts_as_missing(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path)
    fill(store, "abc")
    store.video_path("abc").with_suffix(".json").write_text("[1")
    assert store.find("abc") is None


def test_a_failure_is_forgotten_once_the_segment_is_made(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path)
    store.note_failure("abc", "cannot be decoded")
    assert store.failure("abc") == "cannot be decoded"
    fill(store, "abc")
    assert store.failure("abc") is None


def test_the_hash_of_settings_knows_values_and_not_order() -> None:
    assert hash_settings({"a": 1, "b": [1.5, "x"]}) == hash_settings({"b": [1.5, "x"], "a": 1})
    assert hash_settings({"a": 1}) != hash_settings({"a": 2})
