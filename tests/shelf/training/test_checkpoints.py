from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.shelf.lessons import DETECTOR, TRAINING, learn
from tests.shelf.tiny import draw_photo, write_data
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.training.checkpoints import Checkpoints, fingerprint


def save(kept: Checkpoints, epoch: int, *, best: bool) -> None:
    weights = {"w": torch.full((2,), float(epoch))} if best else None
    kept.save({"epoch": epoch, "best_epoch": epoch if best else 1}, weights)


def test_the_last_state_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "abc")
    assert kept.load() is None
    save(kept, 1, best=True)
    save(kept, 2, best=False)
    state = kept.load()
    assert state is not None
    assert state["epoch"] == 2
    assert kept.load_best(1)["w"].tolist() == [1, 1]
    save(kept, 3, best=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best_3.pt", "state.pt"]
    kept.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_other_data_is_not_taken_up(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, "abc"), 1, best=True)
    assert Checkpoints(tmp_path, "xyz").load() is None


def test_a_damaged_state_starts_anew(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, "abc"), 1, best=True)
    path = tmp_path / "state.pt"
    path.write_bytes(path.read_bytes()[:-50])
    assert Checkpoints(tmp_path, "abc").load() is None


def test_a_save_that_fails_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Checkpoints(tmp_path, "abc")
    save(kept, 1, best=True)

    def break_off(content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(OSError, match="full"):
        save(kept, 2, best=True)
    state = kept.load()
    assert state is not None
    assert state["epoch"] == 1


def test_the_fingerprint_sees_photos_annotations_and_settings(tmp_path: Path) -> None:
    folder, annotations, _ = write_data(tmp_path)

    def mark(**changes: Any) -> str:
        photos = PhotoSet.select(folder, changes.pop("annotations", annotations), [1, 2])
        detector = DETECTOR.replace(max_detections=changes.pop("max_detections", 5))
        return fingerprint([photos], detector, TRAINING.replace(**changes))

    marks = [mark(), mark(seed=1), mark(epochs=4), mark(max_detections=6)]
    moved = [{**annotations["annotations"][0], "bbox": [9.0, 8.0, 30.0, 40.0]}, *annotations["annotations"][1:]]
    marks.append(mark(annotations={**annotations, "annotations": moved}))
    same = [mark(loader_workers=2), mark(cache_mb=0), mark(resume=False), mark(backend="gloo")]
    draw_photo(77).save(folder / "images" / "photo_02.png")
    marks.append(mark())
    assert len(set(marks)) == len(marks)
    assert set(same) == {marks[0]}


def test_a_complete_or_unwanted_state_is_not_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = write_data(tmp_path / "photos", 9)
    training = TRAINING.replace(epochs=2)
    with caplog.at_level("INFO"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "clear", lambda self: None)  # as if it had been killed just before
        learn(tmp_path, data=data, training=training)
        learn(tmp_path, data=data, training=training.replace(resume=False))
        assert "Going on" not in caplog.text
        _, log, report = learn(tmp_path, data=data, training=training)
        assert "Going on after epoch 2 of 2" in caplog.text
    assert (len(log), report["epochs"]) == (2, 2)


def test_photos_are_compared_beyond_their_size(tmp_path: Path) -> None:
    folder, annotations, _ = write_data(tmp_path)
    photos = PhotoSet.select(folder, annotations, [1])
    marks = set()
    for colour in (0, 1):
        Image.new("L", (96, 64), colour).save(folder / "images" / "photo_01.png", compress_level=0)
        marks.add(fingerprint([photos], DETECTOR, TRAINING))
    assert len(marks) == 2
