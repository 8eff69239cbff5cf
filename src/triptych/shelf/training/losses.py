"""The losses of a batch, and how the ranks' shares of it make up those of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.image_list import ImageList

from triptych import distributed
from triptych.shelf.devices import autocast
from triptych.shelf.model.detector import normalise_images
from triptych.shelf.preparation.batches import Batch

# Each loss is torchvision's: a mean over the anchors or proposals that were drawn, or over those of
# the positive ones whose object has a mask.
_OVER_ANCHORS = ("loss_objectness", "loss_rpn_box_reg")
_OVER_PROPOSALS = ("loss_classifier", "loss_box_reg")
_OVER_MASKS = ("loss_mask",)


class LossNetwork(nn.Module):
    """The detector as a function from a batch to its losses, for one process or inside DistributedDataParallel.

    Args:
        detector: What learns.
        dtype: In which convolutions and matrix products are computed.
        channels_last: Whether images stay as NHWC in memory.
    """

    def __init__(self, detector: FasterRCNN, dtype: torch.dtype, channels_last: bool) -> None:
        super().__init__()
        self.detector = detector
        self._dtype = dtype
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def forward(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the losses of this rank's share.

        Args:
            batch: The share, on the detector's device.

        Returns:
            torchvision's losses, and over how many anchors, proposals and proposals with a mask they are means
            (float64); all on the detector's device.
        """
        detector = self.detector
        detector.rpn.fg_bg_sampler.seed(batch.seeds)
        detector.roi_heads.fg_bg_sampler.seed([seed ^ 1 for seed in batch.seeds])
        images = normalise_images(detector, batch.images).contiguous(memory_format=self._format)
        with autocast(images.device, self._dtype):
            features = detector.backbone(images)
            shapes = ImageList(images, batch.sizes)
            proposals, rpn_losses = detector.rpn(shapes, features, batch.targets)
            _, roi_losses = detector.roi_heads(features, proposals, batch.sizes, batch.targets)
        drawn = [part.fg_bg_sampler.sampled for part in (detector.rpn, detector.roi_heads)]
        counts = [_place_count(count, images.device) for count in (*drawn, detector.roi_heads.masks_learnt)]
        return {**rpn_losses, **roi_losses}, torch.stack(counts)


def _place_count(count: int | Tensor, device: torch.device) -> Tensor:
    """Give a count as a number on the device, where it may be already."""
    if isinstance(count, Tensor):
        return count.double()
    return torch.full((), count, dtype=torch.float64, device=device)


class ReducedLosses(NamedTuple):
    """Losses over all ranks; nothing of them is read from the device unless it is asked for.

    Attributes:
        total: What to call `backward` on: ranks that average their gradients get those of the whole batch.
        names: Of the losses.
        means: Each over the whole batch.
    """

    total: Tensor
    names: tuple[str, ...]
    means: Tensor

    def read(self, **others: Tensor) -> dict[str, float]:
        """Read each loss, their sum as `loss`, and other numbers, in one go: the host waits for the device once.

        Args:
            others: On the same device, by name.
        """
        numbers = torch.stack([*self.means, *(value.detach().double() for value in others.values())]).tolist()
        known = numbers[: len(self.names)]
        return {"loss": sum(known), **dict(zip((*self.names, *others), numbers, strict=True))}


def reduce_losses(losses: dict[str, Tensor], counts: Tensor) -> ReducedLosses:
    """Weigh each rank's means by what they are means over.

    Args:
        losses: Of this rank's share.
        counts: How many anchors, proposals and proposals with a mask they are means over.
    """
    sums, mine = _sum_up(losses, counts)
    total_sums, total_counts = distributed.sum_over_ranks(torch.stack([sums, mine]))
    shares = mine * distributed.world_size() / total_counts.clamp(min=1)
    own = torch.stack(list(losses.values()))
    return ReducedLosses((own * shares.to(own.dtype)).sum(), tuple(losses), total_sums / total_counts.clamp(min=1))


def add_up_losses(shares: Sequence[tuple[dict[str, Tensor], Tensor]]) -> dict[str, float]:
    """Put the losses of many batches of all ranks together, each by what it is a mean over.

    Args:
        shares: What the network gave for each of this rank's batches; may be none.
    """
    known = (*_OVER_ANCHORS, *_OVER_PROPOSALS, *_OVER_MASKS)
    sums = torch.zeros(2, len(known), dtype=torch.float64)
    for losses, counts in shares:
        for row, values in zip(sums, torch.stack(_sum_up(losses, counts)).cpu(), strict=True):
            row[[known.index(name) for name in losses]] += values
    sums, totals = distributed.sum_over_ranks(sums)
    means = (sums / totals.clamp(min=1)).tolist()
    return {"loss": sum(means), **dict(zip(known, means, strict=True))}


def _sum_up(losses: dict[str, Tensor], counts: Tensor) -> tuple[Tensor, Tensor]:
    """Give the sums behind the means, and what they are sums over."""
    mine = torch.stack([counts[_group(name)] for name in losses])
    values = torch.stack([loss.detach() for loss in losses.values()]).double()
    # A mean over nothing is whatever the network gave.
    return torch.where(mine > 0, values * mine, torch.zeros_like(values)), mine


def _group(name: str) -> int:
    for group, names in enumerate((_OVER_ANCHORS, _OVER_PROPOSALS, _OVER_MASKS)):
        if name in names:
            return group
    raise ValueError(f"torchvision has a loss that is not known here: {name}")


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """Put a batch on a device."""
    if device.type == "cpu":
        return batch
    targets = [{key: value.to(device, non_blocking=True) for key, value in target.items()} for target in batch.targets]
    return batch._replace(images=batch.images.to(device, non_blocking=True), targets=targets)
