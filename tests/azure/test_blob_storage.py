"""Landing zone, folders of files and work folders in blob storage, which Azurite stands for."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kedro_datasets.partitions import PartitionedDataset

from tests.azure.azurite import BlobStorage
from tests.azure.azurite import azurite as azurite
from tests.azure.azurite import blobs as blobs
from tests.e2e.test_video_sample import read_metrics, read_videos
from tests.video.clips import short_clip
from triptych.datasets import FolderDataset, WorkFolderDataset
from triptych.storage import mirrors
from triptych.storage.ledgers import Ledger
from triptych.video.reporting import reporting

RunProject = Callable[..., Path]
PHOTOS = 300
# What another machine does: it opens the same folder, looks for a file, and answers it.
ANSWER = """
import sys
from triptych.storage import mirrors
from triptych.storage.ledgers import Ledger
from triptych.datasets import WorkFolderDataset

folder = WorkFolderDataset(filepath=sys.argv[1]).load()
assert not list(folder.iterdir())
mirrors.pull(folder / "inner" / "question")
(folder / "answer").write_text((folder / "inner" / "question").read_text() * 2)
mirrors.push(folder / "answer")
"""


def put(blobs: BlobStorage, file: Path, address: str) -> None:
    blobs.filesystem().put_file(str(file), f"{address.removeprefix('abfs://').split('@')[0]}/{file.name}")


def confirmed(blobs: BlobStorage, work: str) -> list[str]:
    path = f"{work.removeprefix('abfs://').split('@')[0]}/02_intermediate/video/confirmed.json"
    filesystem = blobs.filesystem()
    return sorted(json.loads(filesystem.cat_file(path))) if filesystem.exists(path) else []


def planned(data_root: Path) -> list[str]:
    plan = json.loads((data_root / "03_primary/video/plan.json").read_text())
    return [video["name"] for video in plan["videos"]]


def test_new_videos_in_the_landing_zone_are_confirmed_when_all_is_done(
    blobs: BlobStorage, run_project: RunProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run fails, is repeated while another video lands, and the next one finds just that."""
    landing, work = blobs.create_container("landing"), blobs.create_container("work")
    put(blobs, short_clip(tmp_path / "b.mp4"), landing)
    write_report, calls = reporting.write_report, 0

    def fail_first(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("the power went")
        if calls == 2:
            put(blobs, short_clip(tmp_path / "a.mp4", seed=1), landing)
        return write_report(*arguments)

    monkeypatch.setattr(reporting, "write_report", fail_first)
    options = {"env": "test", "params": {"video_raw": landing, "work_root": work}}
    with pytest.raises(OSError, match="the power went"):
        run_project("video", **options)
    assert confirmed(blobs, work) == []

    data_root = run_project("video", **options)
    assert planned(data_root) == ["b.mp4"]
    # Styled by the run that failed, and found in blob storage.
    assert read_metrics(data_root)["segments_skipped"] == read_metrics(data_root)["segments"] == 3
    assert confirmed(blobs, work) == ["b.mp4"]

    run_project("video", **options)
    assert planned(data_root) == ["a.mp4"]
    assert confirmed(blobs, work) == ["a.mp4", "b.mp4"]
    assert read_videos(data_root)["status"].to_dict() == {"a.mp4": "finished", "b.mp4": "finished"}


def test_what_two_processes_confirm_at_once_is_all_kept(blobs: BlobStorage) -> None:
    url = f"{blobs.create_container('work')}/deep/ledger.json"

    def confirm(writer: int) -> None:
        for number in range(5):
            Ledger(url, {"skip_instance_cache": True}).add({f"{writer}-{number}": "1"})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(confirm, range(2)))
    assert sorted(Ledger(url).read()) == [f"{writer}-{number}" for writer in range(2) for number in range(5)]
    container = url.removeprefix("abfs://").split("@")[0]
    assert blobs.filesystem().find(container) == [f"{container}/deep/ledger.json"]


def write_photos(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(PHOTOS):
        picture = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{number:03}.jpg"), picture)
    return folder


def test_a_folder_comes_faster_than_its_files_one_by_one(
    blobs: BlobStorage, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    address = f"{blobs.create_container('photos')}/photos"
    photos = write_photos(tmp_path / "photos")
    # The account belongs to the address as Kedro's own datasets take it.
    plain = f"abfs://{address.removeprefix('abfs://').split('@')[0]}/photos"
    seconds: dict[str, float] = {}

    def clock(what: str, act: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = act()
        seconds[what] = min(time.perf_counter() - start, seconds.get(what, math.inf))
        return result

    def load_one_by_one() -> dict[str, Any]:
        partitions = PartitionedDataset(path=plain, dataset="pillow.ImageDataset", filename_suffix=".jpg")
        return {name: np.asarray(load())[:, :, ::-1] for name, load in partitions.load().items()}

    def load_folder() -> dict[str, Any]:
        return {path.stem: cv2.imread(str(path)) for path in FolderDataset(filepath=address).load().iterdir()}

    clock("saved as a folder", lambda: FolderDataset(filepath=address).save(photos))
    for _ in range(3):  # the quickest counts: other work on the machine is none of theirs
        whole = clock("loaded as a folder", load_folder)
        single = clock("loaded one by one", load_one_by_one)

    for what, value in seconds.items():
        print(f"{PHOTOS} photos {what}: {value:.2f} s, {PHOTOS / value:.0f} a second")
        record_property(what, value)
    assert whole.keys() == single.keys()
    assert len(whole) == PHOTOS
    for name, picture in whole.items():
        assert picture is not None
        assert np.array_equal(picture, single[name])
    assert seconds["loaded one by one"] > 1.5 * seconds["loaded as a folder"]


def test_what_one_process_publishes_another_one_sees(blobs: BlobStorage) -> None:
    address = f"{blobs.create_container('work')}/deep/folder"
    folder = WorkFolderDataset(filepath=address).load()
    (folder / "inner").mkdir()
    (folder / "inner" / "question").write_text("how? ")
    (folder / "unfinished").touch()
    mirrors.push(folder / "inner" / "question")
    subprocess.run([sys.executable, "-c", ANSWER, address], check=True, timeout=200)
    assert not (folder / "answer").exists()
    mirrors.pull(folder)
    assert (folder / "answer").read_text() == "how? how? "

    container = address.removeprefix("abfs://").split("@")[0]
    names = [path.removeprefix(f"{container}/deep/folder/") for path in blobs.filesystem().find(container)]
    assert sorted(names) == ["answer", "inner/question"]
    mirrors.drop(folder / "answer")
    assert not blobs.filesystem().exists(f"{container}/deep/folder/answer")


def test_a_folder_that_is_saved_again_holds_the_new_files_only(blobs: BlobStorage, tmp_path: Path) -> None:
    address = f"{blobs.create_container('folder')}/here"
    for names in (["a", "in/b"], ["b"]):
        source = tmp_path / names[0]
        for name in names:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
        FolderDataset(filepath=address).save(source)
    filesystem, container = blobs.filesystem(), address.removeprefix("abfs://").split("@")[0]
    assert filesystem.find(container) == [f"{container}/here/b"]
