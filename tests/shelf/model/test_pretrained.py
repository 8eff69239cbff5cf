"""Weights that others trained, by path: what they find, and what they keep, is what torchvision makes of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2
from torchvision.ops import FrozenBatchNorm2d

from tests.shelf.lessons import DETECTOR, TRAINING, learn
from tests.shelf.tiny import write_data, write_model
from triptych.shelf.model.files import LoadedDetector, load_model, save_model
from triptych.shelf.model.prediction import predict_photos
from triptych.shelf.params import DetectorParams
from triptych.shelf.preparation.learning_data import prepare_data
from triptych.shelf.training.trainer import Trainer

SIDE = 128
COCO = DetectorParams(
    backbone="resnet50",
    fpn_channels=256,
    box_head_width=1024,
    mask_head_channels=(256,) * 4,
    anchor_sizes=((32,), (64,), (128,), (256,), (512,)),
    aspect_ratios=(0.5, 1.0, 2.0),
    nms_threshold=0.5,
    rpn_proposals=100,
    score_threshold=0.02,
    max_detections=20,
    min_size_px=SIDE,
    max_size_px=SIDE,
)
SETTINGS: dict[str, Any] = {
    "min_size": SIDE,
    "max_size": SIDE,
    "box_score_thresh": 0.02,
    "box_detections_per_img": 20,
    **{f"rpn_{step}_nms_top_n_test": 100 for step in ("pre", "post")},
}
DETECTORS = {"v1": maskrcnn_resnet50_fpn, "v2": maskrcnn_resnet50_fpn_v2}


def draw_statistics(model: nn.Module, seed: int = 0) -> None:
    """Give batch normalisation statistics as a training leaves them, and heads that are sure of something."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.3, generator=draw)
            elif name.endswith("running_var"):
                value.uniform_(0.3, 2.0, generator=draw)
            elif name.endswith("bn3.weight"):
                value.fill_(0.2)  # or what 16 blocks add up to grows until only the last digits differ
            elif name.endswith("cls_score.weight"):
                value.normal_(0, 0.1, generator=draw)


@pytest.fixture(scope="module", params=list(DETECTORS))
def reference(request: pytest.FixtureRequest) -> MaskRCNN:
    """torchvision's own detector, in the layouts of both of its COCO files."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = DETECTORS[request.param](weights=None, weights_backbone=None, num_classes=91, **SETTINGS)
    draw_statistics(model)
    return model.eval()


def draw_pixels(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def begin(folder: Path, params: DetectorParams, categories: int = 1) -> Any:
    """The detector that a training of so many categories starts with."""
    photos, annotations, roles = write_data(folder / "begin")
    annotations["categories"] = [{"id": number, "name": f"kind {number}"} for number in range(1, categories + 1)]
    return Trainer(prepare_data(photos, annotations, roles, params), params, TRAINING).detector


def save(model: nn.Module, path: Path) -> Path:
    torch.save(model.state_dict(), path)
    return path


def compare_features(own: Any, reference: MaskRCNN) -> float:
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        features = own.eval().backbone(images), reference.backbone(images)
    pairs = zip(*(list(found.values()) for found in features), strict=True)
    return min(float(nn.functional.cosine_similarity(one.ravel(), other.ravel(), dim=0)) for one, other in pairs)


def check_detections(own: LoadedDetector, reference: MaskRCNN) -> None:
    pixels = draw_pixels()
    with torch.inference_mode():
        (theirs,) = reference([torch.from_numpy(pixels).permute(2, 0, 1) / 255])
    (ours,) = predict_photos(own, [(1, pixels)], 1, "fp32")
    assert len(ours) == len(theirs["scores"]) > 5
    assert [item["category_id"] for item in ours] == theirs["labels"].tolist()
    np.testing.assert_allclose([item["score"] for item in ours], theirs["scores"], atol=1e-4)
    boxes = np.array([item["bbox"] for item in ours])
    boxes[:, 2:] += boxes[:, :2]
    np.testing.assert_allclose(boxes, theirs["boxes"], atol=0.05)


def test_a_coco_file_by_path_finds_what_torchvision_finds(reference: MaskRCNN, tmp_path: Path) -> None:
    params = COCO.replace(weights=str(save(reference, tmp_path / "coco.pth")))
    detector = begin(tmp_path, params, categories=90)
    assert compare_features(detector, reference) > 1 - 1e-5
    names = tuple(f"kind {number}" for number in range(1, 91))
    own = LoadedDetector(detector.eval(), names, True, 0.5, params, {})
    check_detections(own, reference)
    # The saved model builds itself again without the file it started from.
    (tmp_path / "coco.pth").unlink()
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", own)
    check_detections(load_model(tmp_path / "model"), reference)


def test_other_categories_begin_anew_and_that_is_logged(
    reference: MaskRCNN, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = COCO.replace(weights=str(save(reference, tmp_path / "coco.pth")))
    with caplog.at_level(logging.INFO, "triptych"):
        detector = begin(tmp_path, params, categories=3)
    assert compare_features(detector, reference) > 1 - 1e-5
    assert detector.roi_heads.box_predictor.cls_score.out_features == 4
    assert "begin at random, as there are 3 categories and in the weights 90" in caplog.text


def test_deeper_heads_are_trained(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=91)
    draw_statistics(model)
    params = COCO.replace(weights=str(save(model, tmp_path / "v2.pth")), min_size_px=64, max_size_px=96, roi_batch=16)
    trained, log, _ = learn(tmp_path, detector=params, training=TRAINING.replace(epochs=1))
    assert np.isfinite(log["loss"]).all()
    own, theirs = load_model(trained.path).model.state_dict(), model.state_dict()
    kept = [name for name in own if "running_" in name]
    assert len(kept) > 100
    assert all(torch.equal(own[name], theirs[name]) for name in kept)
    assert not torch.equal(own["roi_heads.box_head.5.weight"], theirs["roi_heads.box_head.5.weight"])


@pytest.mark.parametrize("wrap", [lambda weights: weights, lambda weights: {"state_dict": weights}])
def test_a_backbone_of_imagenet_keeps_its_statistics_in_training(tmp_path: Path, wrap: Any) -> None:
    model = resnet50(weights=None)
    draw_statistics(model)
    weights = model.state_dict()
    torch.save(wrap(weights), tmp_path / "imagenet.pth")
    detector = DETECTOR.replace(backbone="resnet50", weights=str(tmp_path / "imagenet.pth"))
    trained, log, _ = learn(tmp_path, detector=detector, training=TRAINING.replace(epochs=1))
    assert np.isfinite(log["loss"]).all()
    own = load_model(trained.path).model
    assert isinstance(own.backbone.body.bn1, FrozenBatchNorm2d)
    state = own.state_dict()
    kept = [name for name in weights if "running_" in name or name.startswith(("conv1.", "layer1."))]
    kept = [name for name in kept if not name.endswith("num_batches_tracked")]
    assert all(torch.equal(state[f"backbone.body.{name}"], weights[name]) for name in kept)
    moved = "backbone.body.layer4.2.conv3.weight"
    assert not torch.equal(state[moved], weights[moved.removeprefix("backbone.body.")])


def test_a_backbone_gives_torchvisions_features(tmp_path: Path) -> None:
    model = resnet18(weights=None)
    draw_statistics(model)
    params = DETECTOR.replace(weights=str(save(model, tmp_path / "resnet18.pth")))
    body = begin(tmp_path, params).eval().backbone.body
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = model.eval().layer1(model.maxpool(model.relu(model.bn1(model.conv1(images)))))
        torch.testing.assert_close(body(images)["0"], expected, rtol=1e-4, atol=1e-5)


def test_batch_normalisation_may_learn_on_from_statistics(tmp_path: Path) -> None:
    model = resnet18(weights=None)
    draw_statistics(model)
    detector = begin(tmp_path, DETECTOR.replace(weights=str(save(model, tmp_path / "a.pth")), norm="batch"))
    assert isinstance(detector.backbone.body.bn1, nn.BatchNorm2d)
    assert torch.equal(detector.state_dict()["backbone.body.bn1.running_var"], model.state_dict()["bn1.running_var"])


@pytest.mark.parametrize("given", ["model", "model/weights.pt", "bare.pt"])
def test_a_model_of_ours_keeps_its_group_normalisation(tmp_path: Path, given: str) -> None:
    folder = write_model(tmp_path / "model", seed=3)
    (tmp_path / "bare.pt").write_bytes((folder / "weights.pt").read_bytes())
    detector = begin(tmp_path, DETECTOR.replace(weights=str(tmp_path / given)))
    theirs: dict[str, Tensor] = torch.load(folder / "weights.pt", weights_only=True)
    assert isinstance(detector.backbone.body.bn1, nn.GroupNorm)
    assert all(torch.equal(value, theirs[name]) for name, value in detector.state_dict().items())


def test_a_model_of_ours_with_statistics_is_gone_on_from(tmp_path: Path) -> None:
    model = resnet18(weights=None)
    draw_statistics(model)
    first = DETECTOR.replace(weights=str(save(model, tmp_path / "resnet18.pth")))
    trained, *_ = learn(tmp_path, detector=first, training=TRAINING.replace(epochs=1))
    (tmp_path / "resnet18.pth").unlink()
    detector = begin(tmp_path, DETECTOR.replace(weights=str(trained.path)))
    assert isinstance(detector.backbone.body.bn1, FrozenBatchNorm2d)
    assert torch.equal(detector.backbone.body.bn1.running_mean, model.state_dict()["bn1.running_mean"])


def test_statistics_that_nothing_would_use_are_refused(tmp_path: Path) -> None:
    path = save(resnet18(weights=None), tmp_path / "resnet18.pth")
    with pytest.raises(ValueError, match=r"resnet18.pth .*detector.norm: group.* set detector.norm: auto"):
        begin(tmp_path, DETECTOR.replace(weights=str(path), norm="group"))


def test_tensors_of_a_larger_backbone_are_refused_by_name(tmp_path: Path) -> None:
    path = save(resnet50(weights=None), tmp_path / "resnet50.pth")
    with pytest.raises(
        ValueError, match=r"set detector.backbone: resnet50.*backbone.body.layer1.0.bn3.bias is not used"
    ):
        begin(tmp_path, DETECTOR.replace(weights=str(path)))


def test_frozen_normalisation_without_weights_is_refused() -> None:
    with pytest.raises(ValueError, match=r"norm: must not be frozen without weights"):
        DetectorParams.read({"norm": "frozen"})
