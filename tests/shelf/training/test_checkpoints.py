from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image

from tests.shelf.lessons import DETECTOR, TIMES, TRAINING, learn
from tests.shelf.tiny import draw_photo, write_data
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.params import TrainingParams
from triptych.shelf.training.checkpoints import Checkpoints
from triptych.shelf.training.fingerprints import fingerprint
from triptych.shelf.training.trainer import Trainer

EVERY = TrainingParams(epochs=3, checkpoint_share=1.0)
MACHINE = torch.device("cpu"), torch.float32


def save(kept: Checkpoints, epoch: int, *, best: bool) -> None:
    weights = {"w": torch.full((2,), float(epoch))} if best else None
    kept.save({"epoch": epoch, "best_epoch": epoch if best else 1}, weights)


def list_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_last_state_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "abc", EVERY)
    assert kept.load() is None
    save(kept, 1, best=True)
    save(kept, 2, best=False)
    state = kept.load()
    assert state is not None
    assert state["epoch"] == 2
    assert kept.load_best(1)["w"].tolist() == [1, 1]
    save(kept, 3, best=True)
    assert list_names(tmp_path) == ["abc-3/best_3.pt", "abc-3/state_3.pt"]
    kept.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_other_data_is_neither_taken_up_nor_removed(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, "abc", EVERY), 1, best=True)
    other = Checkpoints(tmp_path, "xyz", EVERY)
    assert other.load() is None
    save(other, 3, best=True)
    other.finish()
    other.clear()
    state = Checkpoints(tmp_path, "abc", EVERY).load()
    assert state is not None
    assert state["epoch"] == 1


def test_a_damaged_state_starts_anew(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, "abc", EVERY), 1, best=True)
    path = tmp_path / "abc-3" / "state_1.pt"
    path.write_bytes(path.read_bytes()[:-50])
    assert Checkpoints(tmp_path, "abc", EVERY).load() is None


def test_a_save_that_fails_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Checkpoints(tmp_path, "abc", EVERY)
    save(kept, 1, best=True)

    def break_off(content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(OSError, match="full"):
        save(kept, 2, best=True)
    state = Checkpoints(tmp_path, "abc", EVERY).load()
    assert state is not None
    assert state["epoch"] == 1


def test_two_trainings_of_the_same_at_once_do_no_harm_to_each_other(tmp_path: Path) -> None:
    one, other = (Checkpoints(tmp_path, "abc", EVERY) for _ in range(2))
    save(one, 1, best=True)
    # The one removes and renames while the other writes.
    plain = torch.save
    with pytest.MonkeyPatch.context() as patch:

        def save_meanwhile(content: object, file: Any) -> None:
            plain(content, file)
            patch.setattr(torch, "save", plain)
            save(one, 2, best=True)

        patch.setattr(torch, "save", save_meanwhile)
        save(other, 2, best=True)
    one.clear()
    assert other.load_best(2)["w"].tolist() == [2, 2]
    save(other, 3, best=False)
    assert other.load_best(2)["w"].tolist() == [2, 2]


def test_what_a_process_that_is_no_more_has_left_half_written_is_removed(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "abc", EVERY)
    save(kept, 1, best=True)
    old, new = (tmp_path / "abc-3" / f".state_1.pt.{name}.part" for name in ("old", "new"))
    for part, age_s in ((old, 2 * 3600), (new, 60)):
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age_s,) * 2)
    save(kept, 2, best=True)
    assert (old.exists(), new.exists()) == (False, True)


def test_saving_takes_no_more_than_its_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of 10 s and saves of 4 s, of which every tenth of the time may go: the next is due 36 s later."""
    clock = [1000.0]
    monkeypatch.setattr("triptych.shelf.training.checkpoints.time.monotonic", lambda: clock[0])
    plain = torch.save

    def save_slowly(content: object, file: Any) -> None:
        clock[0] += 2.0  # of the two files of a save
        plain(content, file)

    monkeypatch.setattr(torch, "save", save_slowly)
    kept = Checkpoints(tmp_path, "abc", TrainingParams(epochs=12, checkpoint_share=0.1))
    saved = []
    for epoch in range(1, 13):
        clock[0] += 10
        save(kept, epoch, best=True)
        saved += [epoch] if (tmp_path / "abc-12" / f"state_{epoch}.pt").is_file() else []
        assert kept.load_best(epoch)["w"].tolist() == [epoch, epoch]  # saved or not
    assert saved == [1, 5, 9, 12]


def test_more_epochs_go_on_from_fewer_and_fewer_do_not_from_more(tmp_path: Path) -> None:
    short = Checkpoints(tmp_path, "abc", EVERY)
    save(short, 1, best=True)
    save(short, 3, best=False)
    short.finish()
    assert Checkpoints(tmp_path, "abc", EVERY).load() is None  # complete
    assert Checkpoints(tmp_path, "abc", EVERY.replace(epochs=2)).load() is None
    longer = Checkpoints(tmp_path, "abc", EVERY.replace(epochs=5))
    state = longer.load()
    assert state is not None
    assert (state["epoch"], state["extends"]) == (3, 3)
    assert longer.load_best(1)["w"].tolist() == [1, 1]
    before = list_names(tmp_path)
    save(longer, 4, best=False)
    assert set(before) < set(list_names(tmp_path))
    own = Checkpoints(tmp_path, "abc", EVERY.replace(epochs=5)).load()
    assert own is not None
    assert own["epoch"] == 4


def test_what_nobody_has_gone_on_from_is_removed_after_days(tmp_path: Path) -> None:
    for name in ("old", "new", "own"):
        save(Checkpoints(tmp_path, name, EVERY), 1, best=True)
    (tmp_path / "state.pt").touch()  # as earlier versions kept it
    past = time.time() - 3 * 86_400
    for path in [*tmp_path.glob("o*/*"), tmp_path / "state.pt"]:
        os.utime(path, (past, past))
    Checkpoints(tmp_path, "own", EVERY.replace(checkpoint_days=4.0)).clean()
    assert len(list(tmp_path.iterdir())) == 4
    Checkpoints(tmp_path, "own", EVERY.replace(checkpoint_days=2.0)).clean()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new-3", "own-3"]


def test_the_fingerprint_sees_photos_annotations_settings_and_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, annotations, _ = write_data(tmp_path)

    def mark(machine: Any = MACHINE, **changes: Any) -> str:
        photos = PhotoSet.select(folder, changes.pop("annotations", annotations), [1, 2])
        detector = DETECTOR.replace(max_detections=changes.pop("max_detections", 5))
        return fingerprint([photos], detector, TRAINING.replace(**changes), *machine)

    marks = [mark(), mark(seed=1), mark(learning_rate=4.0), mark(max_detections=6)]
    moved = [{**annotations["annotations"][0], "bbox": [9.0, 8.0, 30.0, 40.0]}, *annotations["annotations"][1:]]
    marks.append(mark(annotations={**annotations, "annotations": moved}))
    same = [mark(loader_workers=2), mark(cache_mb=0), mark(resume=False), mark(backend="gloo"), mark(epochs=9)]
    same.append(mark(precision="auto"))  # in the same type
    marks += [mark((torch.device("cpu"), torch.bfloat16)), mark((torch.device("cuda"), torch.float32))]
    for name in ("torch", "torchvision"):
        with monkeypatch.context() as patch:
            patch.setattr(
                "triptych.shelf.training.fingerprints.version", lambda other, name=name: "0" if other == name else "1"
            )
            marks.append(mark())
    with monkeypatch.context() as patch:
        patch.setenv("WORLD_SIZE", "2")
        marks.append(mark())
    draw_photo(77).save(folder / "images" / "photo_02.png")
    marks.append(mark())
    assert len(set(marks)) == len(marks)
    assert set(same) == {marks[0]}


@pytest.mark.parametrize("given", [".", "weights.pt"])  # a model's folder, or a file
def test_a_file_of_weights_is_told_from_another_of_its_name(given: str, tmp_path: Path) -> None:
    folder, annotations, _ = write_data(tmp_path)
    detector, marks = DETECTOR.replace(weights=str(tmp_path / given)), set()
    for content in (b"a", b"b"):
        (tmp_path / "weights.pt").write_bytes(content)
        marks.add(fingerprint([PhotoSet.select(folder, annotations, [1])], detector, TRAINING, *MACHINE))
    assert len(marks) == 2


class InterruptedTrainingError(Exception):
    """As if the machine had gone."""


def learn_until(folder: Path, epoch: int, **options: Any) -> None:
    """Train, and break off before that epoch ends."""
    plain = Trainer.run_epoch

    def run_epoch(self: Trainer, *cycle: int) -> None:
        if self.epoch == epoch - 1:
            raise InterruptedTrainingError
        plain(self, *cycle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "run_epoch", run_epoch)
        with pytest.raises(InterruptedTrainingError):
            learn(folder, **options)


def check_alike(one: Any, other: Any) -> None:
    """Two trainings with the same log, to the last bit, and the same weights."""
    log, other_log = (result[1].drop(columns=TIMES) for result in (one, other))
    pd.testing.assert_frame_equal(log, other_log, check_exact=True)
    weights = [torch.load(result[0].path / "weights.pt", weights_only=True) for result in (one, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert one[2]["validation"] == other[2]["validation"]


RARELY = TRAINING.replace(epochs=4, checkpoint_share=1e-6)  # after the first epoch and the last


def test_what_was_not_saved_is_learnt_again_exactly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = write_data(tmp_path / "photos", 9)
    undisturbed = learn(tmp_path / "a", data=data, training=RARELY)
    learn_until(tmp_path / "b", 4, data=data, training=RARELY)
    (state,) = (tmp_path / "b").rglob("state_*.pt")
    assert state.name == "state_1.pt"
    with caplog.at_level("INFO", "triptych"):
        resumed = learn(tmp_path / "b", data=data, training=RARELY)
    assert "Going on after epoch 1 of 4" in caplog.text
    check_alike(undisturbed, resumed)


def test_another_setting_leaves_an_interrupted_training_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_data(tmp_path / "photos", 9)
    training = TRAINING.replace(checkpoint_share=1.0)
    learn_until(tmp_path, 3, data=data, training=training)
    learn(tmp_path, data=data, training=training.replace(seed=1, epochs=1))
    with caplog.at_level("INFO", "triptych"):
        learn(tmp_path, data=data, training=training)
    assert "Going on after epoch 2 of 3" in caplog.text


def test_epochs_can_be_added_to_a_complete_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = write_data(tmp_path / "photos", 9)
    training = TRAINING.replace(epochs=2, warmup_share=0.0, checkpoint_share=1.0)
    _, first, _ = learn(tmp_path, data=data, training=training)
    with caplog.at_level("INFO", "triptych"):
        longer = learn(tmp_path, data=data, training=training.replace(epochs=4))
    assert "Going on after epoch 2 of 4" in caplog.text
    assert "It was planned for 2 epochs: the learning rate goes on as in one of 4" in caplog.text
    assert longer[2]["extends_epochs"] == 2
    pd.testing.assert_frame_equal(longer[1][:2].drop(columns=TIMES), first.drop(columns=TIMES), check_exact=True)
    # One step an epoch: the rates of a cosine over 2 steps, then those that one over 4 has there.
    rates = [1e-3 * (1 + math.cos(math.pi * done)) / 2 for done in (0, 1 / 2, 2 / 4, 3 / 4)]
    assert longer[1]["learning_rate"].tolist() == pytest.approx(rates)


def test_an_extended_training_is_resumed_exactly(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 9)
    short, longer = RARELY.replace(epochs=2), RARELY.replace(epochs=5)
    for name in ("a", "b"):
        learn(tmp_path / name, data=data, training=short)
    undisturbed = learn(tmp_path / "a", data=data, training=longer)
    learn_until(tmp_path / "b", 5, data=data, training=longer)
    check_alike(undisturbed, learn(tmp_path / "b", data=data, training=longer))


def test_a_complete_or_unwanted_state_is_not_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = write_data(tmp_path / "photos", 9)
    training = TRAINING.replace(epochs=2)
    with caplog.at_level("INFO"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "finish", lambda self: None)  # as if it had been killed just before
        learn(tmp_path, data=data, training=training.replace(resume=False))
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
        marks.add(fingerprint([photos], DETECTOR, TRAINING, *MACHINE))
    assert len(marks) == 2
