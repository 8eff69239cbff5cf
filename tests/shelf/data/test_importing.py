"""Photos are imported under names of their own, whatever the number of processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import triptych.shelf.data.importing as photo_import
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.importing import ImportedPhoto, import_photos, name_photos
from triptych.shelf.data.photo_files import UPRIGHT, Size, turn_of
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import RawFiles


def test_bad_photos_do_not_stop_the_others(tmp_path: Path) -> None:
    raw, target = tmp_path / "raw", tmp_path / "target"
    target.mkdir()
    write_photo(raw / "a.jpg")
    write_photo(raw / "c.png", orientation=6)
    (raw / "b.jpg").touch()
    quarantine = Quarantine()
    photos = import_photos(RawFiles(raw, ["a.jpg", "b.jpg", "c.png"]), target, 10**6, 1, quarantine)
    assert {source: (photo.file_name, photo.size) for source, photo in photos.items()} == {
        "a.jpg": ("a.jpg", (40, 30)),
        "c.png": ("c.png", (30, 40)),
    }
    assert quarantine.rows == [("b.jpg", "unreadable_photo", "empty file")]
    assert sorted(path.name for path in target.iterdir()) == ["a.jpg", "c.png"]


def test_several_processes_do_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_import, "_BYTES_A_WORKER", 1)
    sources = [write_photo(tmp_path / f"{seed}.jpg", seed=seed).name for seed in range(5)]
    results = []
    for workers in (1, 2):
        target = tmp_path / str(workers)
        target.mkdir()
        photos = import_photos(RawFiles(tmp_path, sources), target, 10**6, workers, Quarantine())
        results.append((photos, {path.name: path.read_bytes() for path in target.iterdir()}))
    assert results[0] == results[1]
    assert len(results[0][0]) == 5


@given(st.lists(st.text(min_size=1, max_size=200).map(lambda name: f"{name.replace('/', '_')}.jpg")))
def test_names_are_unique_and_safe(sources: list[str]) -> None:
    names = [name.lower() for _, name in name_photos(sources)]
    assert len(set(names)) == len(sources)
    assert all(0 < len(name.encode()) < 200 and "/" not in name and not name.startswith(".") for name in names)


def test_names_are_kept_where_they_can_be() -> None:
    sources = ["a/IMG 1.2_jpg.rf.0a.jpg", "b/x.jpg", "c/X.png", "d/x-2.jpg", "e/..jpg"]
    assert [name for _, name in name_photos(sources)] == ["IMG 1.2_jpg.rf.0a", "x", "X-2", "x-2-2", "photo"]


@pytest.mark.parametrize(
    ("orientation", "annotated", "turned"),
    [
        (6, (40, 30), True),
        (6, (30, 40), False),
        (6, None, False),
        (3, (30, 40), False),
        (1, (30, 40), False),
        (1, (40, 30), None),
        (6, (80, 60), None),
    ],
)
def test_the_annotated_size_tells_which_photo_was_annotated(
    orientation: int, annotated: tuple[int, int] | None, turned: bool | None
) -> None:
    turn = turn_of(orientation)
    photo = ImportedPhoto("a.jpg", "a.jpg", Size(30, 40), turn, False)
    found = photo.find_turn(Size(*annotated) if annotated else None)
    assert found == (None if turned is None else turn if turned else UPRIGHT)
