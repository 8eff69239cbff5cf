from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.shelf.model.test_detector import PAPER
from tests.shelf.tiny import PARAMS, write_model
from triptych.shelf.model.files import read_params
from triptych.shelf.model.weights import start_detector
from triptych.shelf.params import DetectorParams

CONF = Path(__file__).parents[3] / "conf"
HEAD = "roi_heads.box_predictor.cls_score.weight"
BODY = "backbone.body.layer1.0.conv1.weight"


def start_from(path: Path | str, *, categories: int = 1, masks: bool = True, **params: Any) -> dict[str, Any]:
    settings = PARAMS.replace(weights=str(path), **params)
    return dict(start_detector(settings, categories, masks, seed=0).state_dict())


def test_a_model_of_ours_is_taken_whole(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", seed=3)
    own, theirs = start_from(folder), torch.load(folder / "weights.pt", weights_only=True)
    assert all(torch.equal(own[name], theirs[name]) for name in theirs)


def test_other_categories_get_new_heads(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", seed=3)
    own, theirs = start_from(folder, categories=4), torch.load(folder / "weights.pt", weights_only=True)
    assert torch.equal(own[BODY], theirs[BODY])
    assert own[HEAD].shape == (5, 16)


def test_masks_are_left_aside_or_begun_anew(tmp_path: Path) -> None:
    both, boxes = write_model(tmp_path / "both"), write_model(tmp_path / "boxes", masks=False)
    assert torch.equal(start_from(both, masks=False)[BODY], start_from(both)[BODY])
    assert "roi_heads.mask_predictor.conv5_mask.weight" in start_from(boxes)


def prefix(weights: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{name}{key}": value for key, value in weights.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: {"model": w},
        lambda w: {"state_dict": prefix(w, "module.")},
        # torchvision's references/detection/train.py, and its mean of weights
        lambda w: {"model": w, "args": argparse.Namespace(lr=0.02, device="cuda"), "epoch": 3},
        lambda w: {"model_ema": {"n_averaged": torch.tensor(3), **prefix(w, "module.module.")}},
        lambda w: prefix(w, "_orig_mod."),  # torch.compile
        lambda w: {"state_dict": prefix(w, "model."), "pytorch-lightning_version": "2.5"},
        lambda w: {"model_state_dict": w, "optimizer_state_dict": {"state": {}}},  # of torch's tutorial
    ],
)
def test_checkpoints_of_training_scripts_are_unwrapped(tmp_path: Path, wrap: Any) -> None:
    weights = torch.load(write_model(tmp_path / "model", seed=3) / "weights.pt", weights_only=True)
    torch.save({**wrap(weights)}, tmp_path / "checkpoint.pth")
    assert torch.equal(start_from(tmp_path / "checkpoint.pth")[HEAD], weights[HEAD])


def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path: Path) -> None:
    weights = torch.load(write_model(tmp_path / "model") / "weights.pt", weights_only=True)
    weights[BODY][0, 0, 0, 0] = torch.nan
    torch.save(weights, tmp_path / "failed.pt")
    with pytest.raises(ValueError, match=f"{BODY} has values that are no numbers"):
        start_from(tmp_path / "failed.pt")


def test_weights_of_another_shape_are_refused_with_both_shapes(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(
        ValueError,
        match=r"do not fit the detector: set detector.fpn_channels: 16. .* is \(16, .*\), the detector's \(32, ",
    ):
        start_from(folder, fpn_channels=32)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    weights = torch.load(write_model(tmp_path / "model") / "weights.pt", weights_only=True)
    del weights[BODY]
    torch.save(weights, tmp_path / "part.pt")
    with pytest.raises(ValueError, match=f"{BODY} is missing"):
        start_from(tmp_path / "part.pt")


class Trap:
    def __reduce__(self) -> Any:
        return print, ("executed",)


@pytest.mark.parametrize("content", [b"no checkpoint", {"a": Trap()}, {"weights": [1, 2]}])
def test_anything_else_is_refused_and_nothing_is_executed(tmp_path: Path, content: Any, capsys: Any) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ValueError, match="weights"):
        start_from(path)
    assert "executed" not in capsys.readouterr().out


def test_a_missing_file_is_told_from_a_misspelt_name() -> None:
    with pytest.raises(
        ValueError, match="weights must be none, COCO_V1, COCO_V2, IMAGENET, or the path of a checkpoint"
    ):
        start_from("COCO_V3")


@pytest.fixture
def coco(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Weights shaped as torchvision's, without the download."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights, maskrcnn_resnet50_fpn

    weights = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91).state_dict()
    monkeypatch.setattr(MaskRCNN_ResNet50_FPN_Weights, "get_state_dict", lambda *args, **options: dict(weights))
    return dict(weights)


def test_coco_weights_get_new_heads(coco: dict[str, torch.Tensor]) -> None:
    params = PAPER.replace(weights="COCO_V1")
    own = start_detector(params, 90, True, seed=0).state_dict()
    assert torch.equal(own[BODY], coco[BODY])
    assert not torch.equal(own[HEAD], coco[HEAD])


def test_the_detector_of_conf_azure_takes_coco_weights(coco: dict[str, torch.Tensor]) -> None:
    settings = yaml.safe_load((CONF / "azure/shelf/parameters.yml").read_text())["shelf"]["detector"]
    params = read_params({"params": {**DetectorParams().model_dump(), **settings}})
    own = start_detector(params, 1, True, seed=0).state_dict()
    left = [name for name, value in own.items() if name not in coco or value.shape != coco[name].shape]
    assert len(left) == 6  # weights and biases of the three layers that know the categories
    assert all(torch.equal(own[name], coco[name]) for name in set(own) - set(left))


def test_coco_weights_in_a_slim_detector_say_what_they_need(coco: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"COCO_V1 .* set detector.backbone: resnet50; detector.fpn_channels: 256"):
        start_from("COCO_V1")


def test_a_file_of_imagenet_by_name_is_the_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import ResNet18_Weights, resnet18

    weights = resnet18(weights=None).state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *args, **options: dict(weights))
    own = start_from("IMAGENET")
    assert torch.equal(own["backbone.body.bn1.running_var"], weights["bn1.running_var"])


def test_a_published_coco_file_needs_no_epsilon(
    coco: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(coco, tmp_path / "coco.pth")
    params = PAPER.replace(weights=str(tmp_path / "coco.pth"))
    assert start_detector(params, 1, True, seed=0).backbone.body.bn1.eps == 1e-5
    # As torchvision does with the file whose hash its name ends in.
    monkeypatch.setattr("triptych.shelf.model.pretrained.hash_file", lambda path: "bf2d0c1e" + "0" * 56)
    assert start_detector(params, 1, True, seed=0).backbone.body.bn1.eps == 0.0
