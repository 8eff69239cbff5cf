from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.shelf.lessons import DETECTOR, TRAINING
from tests.shelf.tiny import write_data
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.training.trials import DetectorTrial, apply_best_settings
from triptych.tuning.trials import Trial, run_trial

CONFIG = {"learning_rate": 2e-3, "anchor_sizes": [[16, 32]], "aspect_ratios": [0.5, 1.0], "rpn_nms_threshold": 0.6}


@pytest.fixture
def trial(tmp_path: Path) -> DetectorTrial:
    return DetectorTrial(*write_data(tmp_path / "photos", 15), DETECTOR, TRAINING)


def read_epoch(folder: Path) -> int:
    return int(torch.load(folder / "training.pt", weights_only=True)["epoch"])


def test_a_trial_goes_on_from_rung_to_rung(trial: DetectorTrial, tmp_path: Path) -> None:
    folders = [tmp_path / "rung_0", tmp_path / "rung_1"]
    for folder in folders:
        folder.mkdir()
    first = trial.train(CONFIG, 1, None, folders[0])
    second = trial.train(CONFIG, 3, folders[0], folders[1])
    assert [read_epoch(folder) for folder in folders] == [1, 3]
    for outcome in (first, second):
        assert {"box.map", "box.map_50", "mask.map_50"} <= set(outcome.metrics)
        assert not any(name.startswith("validation") for name in outcome.metrics)
        assert outcome.chosen == {}
    state = torch.load(folders[1] / "training.pt", weights_only=True)
    assert state["detector"]["rpn.head.cls_logits.weight"].shape[0] == 4  # 2 sizes, 2 ratios
    rates = [row["learning_rate"] for row in state["rows"]]
    assert rates[1] > rates[0]  # each rung is a cycle of its own


def test_a_rung_repeated_gives_the_same(trial: DetectorTrial, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    assert trial.train(CONFIG, 1, None, folders[0]) == trial.train(CONFIG, 1, None, folders[1])


def test_a_configuration_that_is_refused_is_the_trials_own_loss(trial: DetectorTrial) -> None:
    done = run_trial(Trial(0, "s", {"anchor_sizes": [[16], [32]]}, 1), trial.train)
    assert done.status == "failed"
    assert "anchor_sizes: must have 1 or 5 sets" in done.error


def test_a_trial_needs_validation_photos(tmp_path: Path) -> None:
    photos, annotations, roles = write_data(tmp_path / "photos", 6)
    trial = DetectorTrial(photos, annotations, roles[roles["role"] != "validation"], DETECTOR, TRAINING)
    with pytest.raises(ValueError, match="raise shelf.split.validation_share"):
        trial.train(CONFIG, 1, None, tmp_path)


def test_the_best_configuration_goes_to_model_and_training() -> None:
    detector, training = apply_best_settings(DetectorParams(), TrainingParams(), {"config": CONFIG, "trial": 3})
    assert detector == DetectorParams().replace(
        anchor_sizes=((16, 32),), aspect_ratios=(0.5, 1.0), rpn_nms_threshold=0.6
    )
    assert training == TrainingParams().replace(learning_rate=2e-3)


def test_without_a_search_nothing_changes() -> None:
    given = DetectorParams(), TrainingParams()
    assert apply_best_settings(*given, {}) == given


@pytest.mark.parametrize("config", [{"colour": "red"}, {"learning_rate": -1}, {"anchor_sizes": [[16], [32]]}])
def test_a_best_configuration_that_does_not_fit_is_named(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="shelf.detector_best does not fit these parameters"):
        apply_best_settings(DetectorParams(), TrainingParams(), {"config": config})
