"""Photos are prepared once for all processes, and what nobody uses makes room."""

from __future__ import annotations

import errno
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.shelf.tiny import PARAMS, write_data
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.preparation import prepared_photos
from triptych.shelf.preparation.augmentation import Variation
from triptych.shelf.preparation.photo_store import PhotoStore
from triptych.shelf.preparation.prepared_photos import PreparedPhotos, remove_others

SPACE = 2**20


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "root").mkdir()
    monkeypatch.setattr(prepared_photos, "_root", lambda: tmp_path / "root")
    return tmp_path / "root"


def open_store(folder: Path, annotations: dict[str, Any], **options: Any) -> PhotoStore:
    photos = PhotoSet.select(folder, annotations, [1, 2, 6])
    return PhotoStore(photos, options.pop("params", PARAMS), **{"masks": True, "space": SPACE, **options})


def read_all(store: PhotoStore) -> list[Any]:
    return [store.vary(index, Variation(True, 1.2, (0.3, 0.8))) for index in range(len(store))]


def test_what_one_process_has_prepared_another_takes(tmp_path: Path, read: Counter[str]) -> None:
    folder, annotations, _ = write_data(tmp_path / "data")
    first = read_all(open_store(folder, annotations))
    again = read_all(open_store(folder, annotations))
    assert set(read.values()) == {1}
    for one, other in zip(first, again, strict=True):
        for part, same in zip([*one[:3], *one.masks], [*other[:3], *other.masks], strict=True):
            np.testing.assert_array_equal(part, same)


@pytest.mark.parametrize("change", ["photo", "mask", "size", "scale", "masks"])
def test_what_depends_on_something_else_is_prepared_anew(change: str, tmp_path: Path, read: Counter[str]) -> None:
    folder, annotations, _ = write_data(tmp_path / "data")
    read_all(open_store(folder, annotations))
    options: dict[str, Any] = {}
    if change == "photo":
        path = folder / "images" / annotations["images"][0]["file_name"]
        Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    elif change == "mask":
        annotations["annotations"][0]["segmentation"][0][0] += 1
    elif change == "size":
        options["params"] = PARAMS.replace(min_size_px=48)
    else:
        options |= {"largest_scale": 1.5} if change == "scale" else {"masks": False}
    read_all(open_store(folder, annotations, **options))
    assert set(read.values()) == {2} or (change == "scale" and set(read.values()) == {1})


def test_a_damaged_file_is_prepared_again(
    tmp_path: Path, root: Path, read: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder, annotations, _ = write_data(tmp_path / "data")
    read_all(open_store(folder, annotations))
    file = sorted(root.rglob("*.pt"))[1]
    file.write_bytes(file.read_bytes()[:500])
    read_all(open_store(folder, annotations))
    assert sorted(read.values()) == [1, 1, 2]
    assert f"{file} is damaged" in caplog.text
    read_all(open_store(folder, annotations))
    assert sorted(read.values()) == [1, 1, 2]


def test_a_full_disk_costs_time_only(
    tmp_path: Path, read: Counter[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", refuse)
    folder, annotations, _ = write_data(tmp_path / "data")
    store = open_store(folder, annotations)
    with caplog.at_level(logging.WARNING):
        assert len(read_all(store) + read_all(store)) == 6
    assert set(read.values()) == {2}
    assert caplog.text.count("cannot be kept") == 1


def test_what_is_kept_takes_what_was_counted(tmp_path: Path, root: Path) -> None:
    folder, annotations, _ = write_data(tmp_path / "data")
    store = open_store(folder, annotations)
    read_all(store)
    taken = sum(path.stat().st_size for path in root.rglob("*.pt"))
    assert 0.7 * store.kept_bytes <= taken <= store.kept_bytes


def test_what_nobody_uses_makes_room_longest_unused_first(tmp_path: Path, root: Path) -> None:
    def fill(key: str, age_s: int) -> PreparedPhotos:
        prepared = PreparedPhotos(key)
        (prepared.folder / "a.pt").write_bytes(bytes(1000))
        os.utime(prepared.folder, (10**9 - age_s, 10**9 - age_s))
        return prepared

    used = fill("used", 900)
    for key, age_s in (("old", 800), ("middle", 500), ("young", 100)):
        fill(key, age_s)._lock.close()
    remove_others(1000, 3500)
    assert sorted(path.name for path in root.iterdir()) == ["middle", "used", "young"]
    remove_others(1000, 0)
    assert [path.name for path in root.iterdir()] == ["used"]
    used._lock.close()
    remove_others(0, 0)
    assert list(root.iterdir()) == []
