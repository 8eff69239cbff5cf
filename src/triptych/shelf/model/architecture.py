"""What shapes a detector besides its settings: how it is normalised and which heads it has.

Both come with weights. torchvision's two COCO files need two kinds of heads, and weights that were learnt with batch
normalisation are worth nothing without its statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.ops import FrozenBatchNorm2d

Norm = Literal["group", "batch", "frozen"]
_GROUPS = 8
_EPS = 1e-5  # torch's and torchvision's


@dataclass(frozen=True)
class Architecture:
    """How a detector is normalised, and its heads.

    Attributes:
        norm: Normalisation in the backbone, and in `v2` heads and pyramid.
        heads: `plain` as in the paper, or `v2`: torchvision's `maskrcnn_resnet50_fpn_v2` (two convolutions before the
            proposals, four before the boxes, all but the former normalised), after Li and others: Benchmarking
            Detection Transfer Learning with Vision Transformers, 2021.
        norm_eps: What is added to variances.
    """

    norm: Norm = "group"
    heads: Literal["plain", "v2"] = "plain"
    norm_eps: float = _EPS

    def norm_layer(self) -> Any:
        """Give what makes a layer of normalisation for a number of channels."""
        if self.norm == "group":
            return partial(_GroupNorm, _GROUPS, eps=self.norm_eps)
        return partial(nn.BatchNorm2d if self.norm == "batch" else _FrozenBatchNorm, eps=self.norm_eps)


# Under autocast torchvision's FrozenBatchNorm2d gives 32 bits wherever it computes, and GroupNorm does on a GPU: then
# all that the backbone keeps for its gradient takes twice the memory, and twice the time to move.


class _GroupNorm(nn.GroupNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).to(x.dtype)


class _FrozenBatchNorm(FrozenBatchNorm2d):  # type: ignore[misc]
    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float32:
            whole: Tensor = super().forward(x)
            return whole
        # Factor and offset are computed in 32 bits, and rounded once.
        factor = self.weight * (self.running_var + self.eps).rsqrt()
        offset = self.bias - self.running_mean * factor
        factor, offset = (part.to(x.dtype).view(1, -1, 1, 1) for part in (factor, offset))
        return torch.addcmul(offset, x, factor)


def describe_architecture(detector: FasterRCNN) -> Architecture:
    """Look at a detector."""
    layer = detector.backbone.body.bn1
    batch: Norm = "batch" if isinstance(layer, nn.modules.batchnorm._BatchNorm) else "group"
    norm = "frozen" if isinstance(layer, FrozenBatchNorm2d) else batch
    heads = isinstance(detector.roi_heads.box_head, FastRCNNConvFCHead)
    return Architecture(norm, "v2" if heads else "plain", float(layer.eps))


def infer_architecture(weights: Mapping[str, Tensor]) -> Architecture:
    """Tell from the names of a detector's or backbone's tensors.

    Running statistics are those of batch normalisation, and stay as they are (`frozen`): batches of a few photos would
    only spoil them (He and others, Mask R-CNN, 2017, do so too).
    """
    has_statistics = any(name.endswith("running_mean") for name in weights)
    deep = "roi_heads.box_head.0.0.weight" in weights
    return Architecture("frozen" if has_statistics else "group", "v2" if deep else "plain")
