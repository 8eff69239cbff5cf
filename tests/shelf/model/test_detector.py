from __future__ import annotations

import pytest
import torch
from torchvision.models.detection import FasterRCNN, MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import FrozenBatchNorm2d

from tests.shelf.tiny import PARAMS
from triptych.shelf.model.architecture import Architecture, Norm, describe_architecture
from triptych.shelf.model.detector import build_detector, normalise_images
from triptych.shelf.params import DetectorParams

PAPER = DetectorParams(
    backbone="resnet50",
    fpn_channels=256,
    box_head_width=1024,
    mask_head_channels=(256,) * 4,
    anchor_sizes=((32,), (64,), (128,), (256,), (512,)),
    aspect_ratios=(0.5, 1.0, 2.0),
    min_size_px=800,
    max_size_px=1333,
)


def test_the_papers_widths_give_torchvisions_model() -> None:
    own = build_detector(PAPER, 90, masks=True, architecture=Architecture("frozen")).state_dict()
    reference = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91).state_dict()
    reference = {name: value for name, value in reference.items() if not name.endswith("num_batches_tracked")}
    assert {name: value.shape for name, value in own.items()} == {name: v.shape for name, v in reference.items()}


def test_the_parameters_shape_the_model() -> None:
    model = build_detector(PARAMS.replace(aspect_ratios=(0.5, 1.0), roi_batch=24, nms_threshold=0.4), 3, masks=True)
    assert isinstance(model, MaskRCNN)
    assert model.backbone.out_channels == model.rpn.head.cls_logits.in_channels == 16
    assert model.rpn.head.cls_logits.out_channels == 2
    heads: RoIHeads = model.roi_heads
    assert (heads.box_predictor.cls_score.in_features, heads.box_predictor.cls_score.out_features) == (16, 4)
    assert heads.mask_predictor.mask_fcn_logits.out_channels == 4
    assert (heads.nms_thresh, heads.detections_per_img, heads.fg_bg_sampler.batch_size_per_image) == (0.4, 5, 24)
    assert model.rpn._post_nms_top_n == {"training": 20, "testing": 20}
    assert (model.transform.min_size, model.transform.max_size) == ((64,), 96)


def test_boxes_alone_need_no_mask_head() -> None:
    model = build_detector(PARAMS, 1, masks=False)
    assert isinstance(model, FasterRCNN)
    assert not isinstance(model, MaskRCNN)


def test_one_set_of_anchor_sizes_serves_all_levels() -> None:
    model = build_detector(PARAMS.replace(anchor_sizes=((16, 32),), aspect_ratios=(0.5, 1, 2)), 1, masks=False)
    assert model.rpn.anchor_generator.num_anchors_per_location() == [6] * 5


@pytest.mark.parametrize(
    ("norm", "kind"),
    [("group", torch.nn.GroupNorm), ("batch", torch.nn.BatchNorm2d), ("frozen", FrozenBatchNorm2d)],
)
def test_normalisation(norm: Norm, kind: type[torch.nn.Module]) -> None:
    architecture = Architecture(norm, norm_eps=2e-5)
    model = build_detector(PARAMS, 1, masks=False, architecture=architecture)
    assert isinstance(model.backbone.body.bn1, kind)
    assert model.backbone.body.conv1.weight.requires_grad == (kind is not FrozenBatchNorm2d)
    assert describe_architecture(model) == architecture


@pytest.mark.parametrize("norm", ["group", "frozen"])
def test_activations_of_the_backbone_stay_in_bfloat16_under_autocast(norm: Norm) -> None:
    body = build_detector(PARAMS, 1, masks=False, architecture=Architecture(norm)).backbone.body.eval()
    for layer in body.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
            layer.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(1))
    kinds: set[torch.dtype] = set()
    for layer in body.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda _, __, output: kinds.add(output.dtype))
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = body(image)
        kinds.clear()
        with torch.autocast("cpu", torch.bfloat16):
            found = body(image)
    assert kinds == {torch.bfloat16}
    for name, value in expected.items():
        assert float((found[name].float() - value).norm() / value.norm()) < 0.02


def test_anchor_sets_of_different_length_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^anchor_sizes: must have equally many sizes in each set, got \(\(16,\), \(32, 64\)"
    ):
        DetectorParams.read({"anchor_sizes": ((16,), (32, 64), (64,), (128,), (256,))})


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_images_are_normalised_as_torchvision_does(layout: torch.memory_format) -> None:
    model = build_detector(PARAMS, 1, masks=False)
    images = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8).contiguous(memory_format=layout)
    own = normalise_images(model, images)
    assert own.is_contiguous(memory_format=layout)
    for image, expected in zip(own, images, strict=True):
        torch.testing.assert_close(image, model.transform.normalize(expected / 255), rtol=1e-5, atol=1e-5)


def test_boxes_are_decoded_in_full_precision_under_autocast() -> None:
    model = build_detector(PARAMS, 1, masks=True).train()
    features = torch.randn(1, 16, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        scores, boxes = model.rpn.head([features])
        outputs = [*scores, *boxes, *model.roi_heads.box_predictor(torch.randn(2, 16))]
        outputs.append(model.roi_heads.mask_predictor(torch.randn(2, 16, 7, 7)))
    assert {output.dtype for output in outputs} == {torch.float32}
