from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.shelf.tiny import PARAMS, write_model
from triptych.shelf.model.files import DESCRIPTION, describe_params, load_model, number_detector, read_params


def test_a_model_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    loaded = load_model(write_model(tmp_path / "model", categories=("gap", "box"), masks=False, epoch=7))
    assert (loaded.categories, loaded.masks, loaded.score_threshold, loaded.params) == (
        ("gap", "box"),
        False,
        0.1,
        PARAMS,
    )
    assert loaded.info["epoch"] == 7
    assert set(loaded.info["versions"]) == {"triptych", "torch", "torchvision"}
    assert not loaded.model.training


def test_a_detector_keeps_its_number_wherever_it_goes_and_shares_it_with_no_other(tmp_path: Path) -> None:
    first, second = (write_model(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    copy = Path(shutil.copytree(first, tmp_path / "copy"))
    assert number_detector(copy) == number_detector(first) != number_detector(second)
    description = json.loads((copy / DESCRIPTION).read_text())
    (copy / DESCRIPTION).write_text(json.dumps(description | {"score_threshold": 0.2}))
    assert number_detector(copy) != number_detector(first)


def test_settings_are_kept_that_weights_do_not_show(tmp_path: Path) -> None:
    model = load_model(write_model(tmp_path / "model")).model
    assert model.rpn.anchor_generator.sizes == PARAMS.anchor_sizes
    assert model.roi_heads.detections_per_img == PARAMS.max_detections


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no model: model.json and weights.pt should be in it"):
        load_model(tmp_path)


def test_a_description_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    description = json.loads((folder / "model.json").read_text())
    description["params"]["colour"] = "red"
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match=r"model.json is of another version: params.colour"):
        load_model(folder)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    torch.save({"a": torch.zeros(1)}, folder / "weights.pt")
    with pytest.raises(ValueError, match=r"weights.pt does not fit model.json beside it"):
        load_model(folder)


# What a model says of itself that was saved when parameters were dataclasses.
SAVED_EARLIER = """
{"backbone": "resnet18", "weights": "none", "norm": "auto", "masks": "auto", "fpn_channels": 64, "box_head_width": 256,
 "mask_head_channels": [64, 64], "mask_pool_px": 14, "anchor_sizes": [[16], [32], [64], [128], [256]],
 "aspect_ratios": [0.5, 1.0, 2.0], "rpn_nms_threshold": 0.7, "rpn_proposals": 200, "roi_batch": 64,
 "nms_threshold": 0.5, "score_threshold": 0.05, "max_detections": 100, "min_size_px": 256, "max_size_px": 448}
"""


def test_models_saved_earlier_are_read_and_those_saved_now_are_written_alike() -> None:
    params = read_params({"params": json.loads(SAVED_EARLIER)})
    assert (params.anchor_sizes, params.max_size_px) == (((16,), (32,), (64,), (128,), (256,)), 448)
    since = {"flip_test": False}
    assert json.loads(json.dumps(describe_params(params))) == json.loads(SAVED_EARLIER) | since
