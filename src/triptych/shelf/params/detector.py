"""The detector: torchvision's, in the widths and with the anchors that are asked for."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from triptych.parameters.base import Params, Share, UnitInterval

NAMED_WEIGHTS = ("COCO_V1", "COCO_V2", "IMAGENET")
"""torchvision's: detectors of both kinds, trained on COCO, and backbones, trained on ImageNet."""
LEVELS = 5
"""Feature maps of torchvision's FPN, strides 4, 8, 16, 32 and 64."""
Preset = Literal["sample", "small", "paper"]
AnchorSizes = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
_LEAST_SIDE_PX = 32


class DetectorParams(Params):
    """The model: torchvision's Mask R-CNN, or Faster R-CNN where the data has boxes only."""

    preset: Literal["none"] | Preset = "none"
    """Settings of detector and training that go together, for all that is not set explicitly: `sample` (conf/base),
    `small`, `paper`."""
    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet18"
    """Backbone under the feature pyramid."""
    weights: str = "none"
    """Weights to start from: `none`; torchvision's `COCO_V1`, `COCO_V2` or `IMAGENET` (backbone only), downloaded
    once; or the path of such a file or of a model folder."""
    norm: Literal["auto", "group", "batch", "frozen"] = "auto"
    """Normalisation in the backbone; `auto`: as in the weights (`frozen` with running statistics), else `group`."""
    masks: Literal["auto", "on", "off"] = "auto"
    """Train masks, from the objects that have one; `auto` does so if any has."""
    fpn_channels: Annotated[int, Field(ge=8)] = 64
    """Channels of the feature pyramid (256 in the paper)."""
    box_head_width: Annotated[int, Field(ge=8)] = 256
    """Width of the box head's two layers (1024 in the paper)."""
    mask_head_channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    """Channels of the mask head's convolutions (four of 256 in the paper)."""
    mask_pool_px: PositiveInt = 14
    """Size of the features pooled for a mask; the mask has twice that."""
    anchor_sizes: tuple[AnchorSizes, ...] = ()
    """Anchor sizes in pixels: one set for each of the five levels, or a single one for all of them; none: from the
    data."""
    aspect_ratios: tuple[PositiveFloat, ...] = ()
    """Anchor heights over widths; none: up to three from the data."""
    rpn_nms_threshold: UnitInterval = 0.7
    """Overlap (IoU) above which the weaker of two proposals goes."""
    rpn_proposals: PositiveInt = 200
    """Proposals kept a photo (torchvision: 2000 in training, 1000 after)."""
    roi_batch: PositiveInt = 64
    """Proposals a photo that the heads learn from (torchvision: 512)."""
    nms_threshold: UnitInterval = 0.3
    """Overlap (IoU) above which the weaker of two detections goes."""
    score_threshold: Share = 0.05
    """Detections with a lower score are left out."""
    max_detections: PositiveInt = 100
    """Most detections a photo."""
    flip_test: bool = False
    """Look at each photo mirrored as well and average what is found: takes twice as long, and finds a little more."""
    min_size_px: NonNegativeInt = 0
    """Length to which the shorter side is scaled; 0: from the data, as `training.object_px` says ..."""
    max_size_px: NonNegativeInt = 0
    """... unless the longer one would exceed this; 0: 1.75 times the shorter."""

    @field_validator("norm")
    @classmethod
    def _check_norm(cls, value: str, info: ValidationInfo) -> str:
        if value == "frozen" and info.data.get("weights") == "none":
            raise ValueError("must not be frozen without weights, as there are no statistics: set it to auto")
        return value

    @field_validator("anchor_sizes")
    @classmethod
    def _check_anchor_sizes(cls, value: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        if len(value) not in (0, 1, LEVELS):
            raise ValueError(f"must have 1 or {LEVELS} sets of sizes")
        if len({len(sizes) for sizes in value}) > 1:
            raise ValueError("must have equally many sizes in each set")
        return value

    @field_validator("min_size_px", "max_size_px")
    @classmethod
    def _check_least_size(cls, value: int) -> int:
        if 0 < value < _LEAST_SIDE_PX:
            raise ValueError(f"must be at least {_LEAST_SIDE_PX}, or 0 to choose it from the data")
        return value

    @field_validator("max_size_px")
    @classmethod
    def _check_max_size(cls, value: int, info: ValidationInfo) -> int:
        if 0 < value < info.data.get("min_size_px", 0):
            raise ValueError(f"must be at least min_size_px ({info.data['min_size_px']})")
        return value
