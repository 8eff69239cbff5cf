from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelf.lessons import DETECTOR, TRAINING
from tests.shelf.tiny import write_data
from triptych.shelf.preparation.learning_data import prepare_data
from triptych.shelf.training.trainer import Trainer


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    training = TRAINING.replace(stop_at_map_50=0.9)
    return Trainer(prepare_data(*write_data(tmp_path / "photos", 6), DETECTOR), DETECTOR, training)


@pytest.mark.parametrize(
    ("epoch", "figures", "expected"),
    [
        (3, {"box.map_50": 0.89}, False),
        (3, {"box.map_50": 0.9}, True),
        (3, {}, False),  # not validated in this epoch
        (20, {}, True),
    ],
)
def test_it_ends_with_the_epochs_or_where_there_is_little_left_to_learn(
    trainer: Trainer, epoch: int, figures: dict[str, float], *, expected: bool
) -> None:
    assert not trainer.is_done(20)
    trainer.epoch = epoch
    trainer.rows = [{"epoch": 1, "box.map_50": 1.0}, {"epoch": epoch, **figures}]
    assert trainer.is_done(20) is expected
