from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.shelf.lessons import DETECTOR, TRAINING
from tests.shelf.tiny import write_data
from triptych.shelf.params import AugmentationParams, DetectorParams, DetectorSearchParams, TrainingParams
from triptych.shelf.training.trials import DetectorTrial, fingerprint_data, tune_detector
from triptych.tuning.best import pick_fields
from triptych.tuning.trials import Trial, run_trial

CONFIG = {
    **{"learning_rate": 2e-3, "anchor_sizes": [[16, 32]], "aspect_ratios": [0.5, 1.0], "rpn_nms_threshold": 0.6},
    **{"object_px": 30.0, "augmentation": {"scale": [0.5, 1.5], "rotation_deg": 3.0, "degrade": 0.5}},
}


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
        assert set(outcome.metrics) <= set(DetectorSearchParams.reported["max"])
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
    done = run_trial(Trial(0, "s", "d", {"anchor_sizes": [[16], [32]]}, 1), trial.train)
    assert done.status == "failed"
    assert "anchor_sizes: must have 1 or 5 sets" in done.error


@pytest.mark.parametrize(
    ("of_detector", "of_training", "same"),
    [
        ({"backbone": "resnet34"}, {}, False),
        ({}, {"batch_size": 3}, False),
        ({}, {"epochs": 9, "evaluate_every_epochs": 9, "loader_workers": 1, "tuned": False}, True),
    ],
)
def test_trials_of_other_settings_are_of_another_search(
    tmp_path: Path, of_detector: dict[str, Any], of_training: dict[str, Any], same: bool
) -> None:
    data = write_data(tmp_path / "photos", 6)
    trials = (
        DetectorTrial(*data, DETECTOR, TRAINING),
        DetectorTrial(*data, DETECTOR.replace(**of_detector), TRAINING.replace(**of_training)),
    )
    assert (trials[0].settings == trials[1].settings) is same


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("augmentation", [{"flip": 0.1}, {"scale": [0.9, 1.1]}], ""),
        ("augmentation", [{"flip": 0.1}, {"flip": 3}], "augmentation.flip: must be at most 1, got 3"),
        ("mask_head_channels", [[64], []], "mask_head_channels: "),
        ("masks", ["on", "of"], "masks: must be 'auto', 'on' or 'off', got 'of'"),
    ],
)
def test_values_that_no_trial_could_be_trained_with_are_refused(name: str, values: list[Any], said: str) -> None:
    given: dict[str, Any] = {"max_budget": 16, "metric": "box.map", "tie_breaker": "box.map_50"}
    given["space"] = {name: {"kind": "choice", "values": values}}
    if not said:
        assert len(DetectorSearchParams.read(given).space[name].values) == 2
        return
    with pytest.raises(ValueError, match=said):
        DetectorSearchParams.read(given)


def test_a_trial_needs_validation_photos(tmp_path: Path) -> None:
    photos, annotations, roles = write_data(tmp_path / "photos", 6)
    trial = DetectorTrial(photos, annotations, roles[roles["role"] != "validation"], DETECTOR, TRAINING)
    with pytest.raises(ValueError, match="raise shelf.split.validation_share"):
        trial.train(CONFIG, 1, None, tmp_path)


DATA: tuple[dict[str, Any], pd.DataFrame] = (
    {"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "annotations": []},
    pd.DataFrame({"image_id": [1], "role": ["train"]}),
)
UNTOUCHED = DetectorParams(), TrainingParams()


def found(**changes: Any) -> dict[str, Any]:
    return {"config": CONFIG, "trial": 3, "data": fingerprint_data(*DATA), **changes}


def test_the_best_configuration_goes_to_model_and_training() -> None:
    detector, training = tune_detector(*UNTOUCHED, found(), *DATA)
    assert detector == DetectorParams().replace(
        anchor_sizes=((16, 32),), aspect_ratios=(0.5, 1.0), rpn_nms_threshold=0.6
    )
    varied = AugmentationParams(scale=(0.5, 1.5), rotation_deg=3.0, degrade=0.5)
    assert training == TrainingParams().replace(learning_rate=2e-3, object_px=30.0, augmentation=varied)


def test_what_is_set_explicitly_goes_before_the_best_configuration() -> None:
    detector, training = tune_detector(DetectorParams(), TrainingParams(learning_rate=0.1), found(), *DATA)
    assert (detector.rpn_nms_threshold, training.learning_rate) == (0.6, 0.1)


def test_what_the_search_leaves_open_of_a_block_stays_as_it_was() -> None:
    """Labels do not look alike from both sides: who turns mirroring off wants it off in every trial, and after."""
    own = AugmentationParams(flip=0.0, scale=(0.9, 1.1))
    project = TrainingParams(augmentation=own.with_fields_set(())).with_fields_set(())
    set_explicitly = TrainingParams(augmentation=own.with_fields_set({"flip"})).with_fields_set({"augmentation"})
    wanted = own.replace(scale=(0.5, 1.5), rotation_deg=3.0, degrade=0.5)
    for training in (project, set_explicitly):
        assert training.replace(**pick_fields(training, CONFIG)).augmentation == wanted
        assert tune_detector(DetectorParams(), training, found(), *DATA)[1].augmentation == wanted
    whole = TrainingParams(augmentation=own.with_fields_set({"flip", "scale", "rotation_deg", "degrade"}))
    assert tune_detector(DetectorParams(), whole, found(), *DATA)[1].augmentation == own


def test_without_a_search_nothing_changes() -> None:
    assert tune_detector(*UNTOUCHED, {}, *DATA) == UNTOUCHED


@pytest.mark.parametrize("config", [{"colour": "red"}, {"learning_rate": -1}, {"anchor_sizes": [[16], [32]]}])
def test_a_best_configuration_that_does_not_fit_is_not_used(config: dict[str, Any], caplog: Any) -> None:
    assert tune_detector(*UNTOUCHED, found(config=config), *DATA) == UNTOUCHED
    assert "shelf.detector_best is not used: " in caplog.text


def test_a_best_configuration_of_other_photos_or_roles_is_not_used(caplog: Any) -> None:
    annotations, roles = DATA
    assert tune_detector(*UNTOUCHED, found(), {"images": []}, roles) == UNTOUCHED
    assert tune_detector(*UNTOUCHED, found(), annotations, roles.assign(role="validation")) == UNTOUCHED
    assert caplog.text.count("it was found on other data") == 2
    accepting = TrainingParams(tuned="any_data")
    assert tune_detector(DetectorParams(), accepting, found(), {"images": []}, roles)[0].rpn_nms_threshold == 0.6
