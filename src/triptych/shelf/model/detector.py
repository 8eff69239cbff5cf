"""torchvision's Mask R-CNN and Faster R-CNN with a feature pyramid, in the widths that the parameters name."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN, resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d

from triptych.shelf.model.pooling import ThreadedRoIAlign
from triptych.shelf.model.sampling import SeededSampler
from triptych.shelf.params import LEVELS, DetectorParams

_BOX_POOL_PX = 7
_POOLED = ["0", "1", "2", "3"]  # the coarsest level only proposes
_MASK_WIDTH = 256  # of the paper's mask predictor; a slimmer head has a predictor as wide as itself
_GROUPS = 8
_TRAINED_LAYERS = {"frozen": 3}  # of 5: pretrained features of the first two layers fit any photo


def build_detector(params: DetectorParams, categories: int, masks: bool) -> FasterRCNN:
    """Build a detector with random weights.

    Args:
        params: Its settings; `weights` is not looked at, except that `norm: auto` depends on it.
        categories: Number of kinds of objects, without the background.
        masks: Whether it finds masks besides boxes.

    Returns:
        A torchvision `MaskRCNN`, or a `FasterRCNN` where there are no masks.
    """
    backbone = _build_backbone(params)
    sizes = params.anchor_sizes * (LEVELS if len(params.anchor_sizes) == 1 else 1)
    anchors = AnchorGenerator(sizes, (params.aspect_ratios,) * LEVELS)
    settings: dict[str, Any] = {
        "min_size": params.min_size_px,
        "max_size": params.max_size_px,
        "rpn_anchor_generator": anchors,
        "rpn_head": _PreciseRPNHead(params.fpn_channels, anchors.num_anchors_per_location()[0]),
        "rpn_nms_thresh": params.rpn_nms_threshold,
        "box_roi_pool": ThreadedRoIAlign(_POOLED, _BOX_POOL_PX, sampling_ratio=2),
        "box_head": TwoMLPHead(params.fpn_channels * _BOX_POOL_PX**2, params.box_head_width),
        "box_predictor": _PreciseBoxPredictor(params.box_head_width, categories + 1),
        "box_batch_size_per_image": params.roi_batch,
        "box_score_thresh": params.score_threshold,
        "box_nms_thresh": params.nms_threshold,
        "box_detections_per_img": params.max_detections,
    }
    settings |= {
        f"rpn_{step}_nms_top_n_{phase}": params.rpn_proposals for step in ("pre", "post") for phase in ("train", "test")
    }
    if masks:
        settings |= _mask_settings(params, categories)
    detector = (MaskRCNN if masks else FasterRCNN)(backbone, **settings)
    _draw_from_seeds(detector)
    return detector


def _build_backbone(params: DetectorParams) -> BackboneWithFPN:
    norm = choose_norm(params)
    layer: Any = {"batch": nn.BatchNorm2d, "group": partial(nn.GroupNorm, _GROUPS), "frozen": FrozenBatchNorm2d}[norm]
    trained = _TRAINED_LAYERS.get(norm, 5)
    backbone = resnet_fpn_backbone(
        backbone_name=params.backbone, weights=None, norm_layer=layer, trainable_layers=trained
    )
    if params.fpn_channels == backbone.out_channels:
        return backbone
    widths = [block[0].in_channels for block in backbone.fpn.inner_blocks]
    layers = {"layer1": "0", "layer2": "1", "layer3": "2", "layer4": "3"}
    return BackboneWithFPN(backbone.body, layers, widths, params.fpn_channels)


def choose_norm(params: DetectorParams) -> str:
    """Choose the normalisation: what is pretrained keeps its statistics, the rest learns."""
    if params.norm == "auto":
        return "frozen" if params.weights == "COCO_V1" else "group"
    return params.norm


def _mask_settings(params: DetectorParams, categories: int) -> dict[str, Any]:
    widths = params.mask_head_channels
    return {
        "mask_roi_pool": ThreadedRoIAlign(_POOLED, params.mask_pool_px, sampling_ratio=2),
        "mask_head": MaskRCNNHeads(params.fpn_channels, widths, dilation=1),
        "mask_predictor": _PreciseMaskPredictor(widths[-1], min(widths[-1], _MASK_WIDTH), categories + 1),
    }


def _draw_from_seeds(detector: FasterRCNN) -> None:
    for part in (detector.rpn, detector.roi_heads):
        old = part.fg_bg_sampler
        part.fg_bg_sampler = SeededSampler(old.batch_size_per_image, old.positive_fraction)


# Boxes are decoded in the type of what the heads give: in bfloat16 a coordinate of 300 px would be off by one.


class _PreciseRPNHead(RPNHead):  # type: ignore[misc]
    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        scores, boxes = super().forward(x)
        return [level.float() for level in scores], [level.float() for level in boxes]


class _PreciseBoxPredictor(FastRCNNPredictor):  # type: ignore[misc]
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores, boxes = super().forward(x)
        return scores.float(), boxes.float()


class _PreciseMaskPredictor(MaskRCNNPredictor):  # type: ignore[misc]
    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = super().forward(x)
        return scores.float()


def normalise_images(detector: FasterRCNN, images: Tensor) -> Tensor:
    """Turn 8-bit images into what the backbone takes.

    Args:
        detector: Knows mean and deviation of each channel.
        images: uint8, N x 3 x H x W.

    Returns:
        float32, same shape and memory format.
    """
    mean, deviation = (
        torch.tensor(values, device=images.device).view(1, 3, 1, 1) * 255
        for values in (detector.transform.image_mean, detector.transform.image_std)
    )
    return (images.float() - mean) / deviation
