"""torchvision's heads, whose mask head learns from the objects that have a mask, and from crops of those masks.

torchvision wants a mask as large as the photo for every object of a batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import roi_align

Drawn = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


class PartlyMaskedHeads(RoIHeads):  # type: ignore[misc]
    """Heads that find boxes and, where they have a mask head, masks; in training an object may have no mask.

    Targets have `boxes`, `labels` and, where masks are learnt, `masks` (uint8, M x h x w: crops), `mask_corners`
    (float32, M x 2: where on the photo they begin, x and y), `mask_known` (bool, M).

    Attributes:
        masks_learnt: Of how many proposals the last loss of masks is a mean.
    """

    masks_learnt: int
    _drawn: Drawn

    @classmethod
    def take_over(cls, heads: RoIHeads) -> PartlyMaskedHeads:
        """Take all parts of torchvision's heads, as it put them together."""
        own = cls.__new__(cls)
        own.__dict__.update(heads.__dict__)
        own.masks_learnt = 0
        return own

    def has_mask(self) -> bool:
        """Tell torchvision whether masks are its affair: in training they are learnt here."""
        return bool(super().has_mask()) and not self.training

    def select_training_samples(self, proposals: list[Tensor], targets: Any) -> Drawn:
        """Draw the proposals to learn from, and remember them for the masks."""
        self._drawn = super().select_training_samples(proposals, targets)
        return self._drawn

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Find boxes and masks, or compute the losses: torchvision's, see there."""
        found, losses = super().forward(features, proposals, image_shapes, targets)
        if self.training and targets is not None and super().has_mask():
            losses["loss_mask"] = self._learn_masks(features, image_shapes, targets)
        return found, losses

    def _learn_masks(
        self, features: dict[str, Tensor], image_shapes: list[tuple[int, int]], targets: list[dict[str, Tensor]]
    ) -> Tensor:
        """Compute the mean of the binary cross-entropy over the pixels of positive proposals (Mask R-CNN, 3)."""
        boxes, objects, kinds = [], [], []
        for proposals, matched, labels, target in zip(*self._drawn[:3], targets, strict=True):
            positive = torch.where((labels > 0) & _known(target, matched))[0]
            boxes.append(proposals[positive])
            objects.append(matched[positive])
            kinds.append(labels[positive])
        scores: Tensor = self.mask_predictor(self.mask_head(self.mask_roi_pool(features, boxes, image_shapes)))
        self.masks_learnt = len(scores)
        if not self.masks_learnt:
            return scores.sum() * 0.0  # of nothing, but every parameter has its gradient
        wanted = [
            _project_crops(target, proposals, matched, scores.shape[-1])
            for target, proposals, matched in zip(targets, boxes, objects, strict=True)
        ]
        labels = torch.cat(kinds)
        own = scores[torch.arange(len(labels), device=labels.device), labels]
        loss: Tensor = functional.binary_cross_entropy_with_logits(own, torch.cat(wanted))
        return loss


def _known(target: dict[str, Tensor], matched: Tensor) -> Tensor:
    """Tell which proposals are matched to an object with a mask; of a photo without objects none is."""
    known = target["mask_known"]
    return known[matched] if len(known) else torch.zeros_like(matched, dtype=torch.bool)


def _project_crops(target: dict[str, Tensor], boxes: Tensor, objects: Tensor, size: int) -> Tensor:
    """Cut what boxes cover out of the masks of their objects, as torchvision's `project_masks_on_boxes`."""
    shifted = boxes - target["mask_corners"][objects].repeat(1, 2)
    places = torch.cat([objects[:, None].to(shifted), shifted], dim=1)
    cut: Tensor = roi_align(target["masks"][:, None].to(shifted), places, (size, size), 1.0)
    return cut[:, 0]
