"""Look at photos mirrored as well, and fuse what is found on both.

What is found both ways is averaged, boxes and masks weighed by their scores; what is found one way only keeps half of
its score: weighted boxes fusion of two views (Solovyev and others: Weighted boxes fusion, Image and Vision Computing
107, 2021), of which an object takes one detection each.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import batched_nms, box_iou

from triptych.shelf.params import DetectorParams

Found = dict[str, Tensor]
_SAME = 0.5  # overlap from which on detections of both views are the same object


def fuse_mirrored(found: Found, mirrored: Found, width: int, params: DetectorParams) -> Found:
    """Fuse what was found on a photo with what was found on its mirror image.

    Args:
        found: torchvision's `boxes`, `labels`, `scores` and, if any, `masks`.
        mirrored: The same, on the mirror image.
        width: Of the photo as the detector sees it, in pixels.
        params: Of the detector.

    Returns:
        The same keys, on the photo, best first.
    """
    both = {name: torch.cat([found[name], value]) for name, value in _turn_back(mirrored, width).items()}
    boxes, scores, labels = both["boxes"], both["scores"], both["labels"]
    kept = batched_nms(boxes, scores, labels, params.nms_threshold)
    view = torch.arange(len(boxes), device=boxes.device) >= len(found["boxes"])
    able = (box_iou(boxes[kept], boxes) >= _SAME) & (view[kept, None] != view) & (labels[kept, None] == labels)
    if not able.numel():
        return found
    best, partner = torch.where(able, scores, 0.0).max(dim=1)
    fused = {"labels": labels[kept], "scores": (scores[kept] + best) / 2}
    share = best / (scores[kept] + best)
    for name in both.keys() - fused.keys():
        part = share.view(-1, *[1] * (both[name].ndim - 1))
        fused[name] = torch.lerp(both[name][kept], both[name][partner], part.to(both[name].dtype))
    order = torch.argsort(fused["scores"], descending=True, stable=True)[: params.max_detections]
    order = order[fused["scores"][order] >= params.score_threshold]
    return {name: value[order] for name, value in fused.items()}


def _turn_back(mirrored: Found, width: int) -> Found:
    left, top, right, bottom = mirrored["boxes"].unbind(1)
    turned = {**mirrored, "boxes": torch.stack([width - right, top, width - left, bottom], dim=1)}
    if "masks" in mirrored:
        turned["masks"] = mirrored["masks"].flip(-1)
    return turned
