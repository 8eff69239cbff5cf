"""torchvision's Mask R-CNN and Faster R-CNN with a feature pyramid, in the widths that the parameters name."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN, resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead

from triptych.shelf.model.architecture import Architecture
from triptych.shelf.model.pooling import SparseRoIAlign
from triptych.shelf.model.roi_heads import PartlyMaskedHeads
from triptych.shelf.model.sampling import SeededSampler
from triptych.shelf.params import LEVELS, DetectorParams

_BOX_POOL_PX = 7
_POOLED = ["0", "1", "2", "3"]  # the coarsest level only proposes
_MASK_WIDTH = 256  # of the paper's mask predictor; a slimmer head has a predictor as wide as itself
_V2_BOX_CONVOLUTIONS = 4
_V2_RPN_CONVOLUTIONS = 2
_TRAINED_LAYERS = {"frozen": 3}  # of 5: pretrained features of the first two layers fit any photo


def build_detector(
    params: DetectorParams, categories: int, masks: bool, architecture: Architecture | None = None
) -> FasterRCNN:
    """Build a detector with random weights.

    Args:
        params: Its settings, which leave nothing to the data; `weights` and `norm` are not looked at.
        categories: Number of kinds of objects, without the background.
        masks: Whether it finds masks besides boxes.
        architecture: Its normalisation and heads; what a training from nothing begins with if not given.

    Returns:
        A torchvision `MaskRCNN`, or a `FasterRCNN` where there are no masks.

    Raises:
        ValueError: If sizes or anchors are left to the data.
    """
    if not (params.min_size_px and params.max_size_px and params.anchor_sizes and params.aspect_ratios):
        raise ValueError("sizes and anchors are left to the data: settle them with `fit_detector`, or name them all")
    architecture = architecture or Architecture()
    backbone = _build_backbone(params, architecture)  # first: the order of parts is that of the random numbers
    sizes = params.anchor_sizes * (LEVELS if len(params.anchor_sizes) == 1 else 1)
    anchors = AnchorGenerator(sizes, (params.aspect_ratios,) * LEVELS)
    settings: dict[str, Any] = {
        "min_size": params.min_size_px,
        "max_size": params.max_size_px,
        "rpn_anchor_generator": anchors,
        "rpn_nms_thresh": params.rpn_nms_threshold,
        **_head_settings(params, architecture, anchors.num_anchors_per_location()[0]),
        "box_roi_pool": SparseRoIAlign(_POOLED, _BOX_POOL_PX, sampling_ratio=2),
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
        settings |= _mask_settings(params, architecture, categories)
    detector = (MaskRCNN if masks else FasterRCNN)(backbone, **settings)
    detector.roi_heads = PartlyMaskedHeads.take_over(detector.roi_heads)
    _draw_from_seeds(detector)
    return detector


def _build_backbone(params: DetectorParams, architecture: Architecture) -> BackboneWithFPN:
    layer = architecture.norm_layer()
    trained = _TRAINED_LAYERS.get(architecture.norm, 5)
    backbone = resnet_fpn_backbone(
        backbone_name=params.backbone, weights=None, norm_layer=layer, trainable_layers=trained
    )
    if params.fpn_channels == backbone.out_channels and architecture.heads == "plain":
        return backbone
    widths = [block[0].in_channels for block in backbone.fpn.inner_blocks]
    layers = {"layer1": "0", "layer2": "1", "layer3": "2", "layer4": "3"}
    pyramid = layer if architecture.heads == "v2" else None
    return BackboneWithFPN(backbone.body, layers, widths, params.fpn_channels, norm_layer=pyramid)


def _head_settings(params: DetectorParams, architecture: Architecture, anchors: int) -> dict[str, Any]:
    channels, width = params.fpn_channels, params.box_head_width
    if architecture.heads == "plain":
        rpn_head = _PreciseRPNHead(channels, anchors)
        return {"rpn_head": rpn_head, "box_head": TwoMLPHead(channels * _BOX_POOL_PX**2, width)}
    rpn_head = _PreciseRPNHead(channels, anchors, _V2_RPN_CONVOLUTIONS)
    convolutions = [channels] * _V2_BOX_CONVOLUTIONS
    box_head = FastRCNNConvFCHead(
        (channels, _BOX_POOL_PX, _BOX_POOL_PX), convolutions, [width], norm_layer=architecture.norm_layer()
    )
    return {"rpn_head": rpn_head, "box_head": box_head}


def _mask_settings(params: DetectorParams, architecture: Architecture, categories: int) -> dict[str, Any]:
    widths = params.mask_head_channels
    layer = architecture.norm_layer() if architecture.heads == "v2" else None
    return {
        "mask_roi_pool": SparseRoIAlign(_POOLED, params.mask_pool_px, sampling_ratio=2),
        "mask_head": MaskRCNNHeads(params.fpn_channels, widths, dilation=1, norm_layer=layer),
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
    transform = detector.transform
    mean, deviation = (
        _place_channels(tuple(values), images.device) for values in (transform.image_mean, transform.image_std)
    )
    return (images.float() - mean) / deviation


@cache
def _place_channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Put a value a channel on the device, once: the host waits for each copy."""
    with torch.inference_mode(mode=False):  # what is kept is of use in both modes
        return torch.tensor(values, device=device).view(1, -1, 1, 1) * 255
