"""Which anchors and proposals the heads learn from: drawn from a seed of each photo, and counted.

torchvision draws them from the global generator, so that what a photo's neighbours and the number of processes are
changes the draw; and it keeps no count, which is needed to put together the means that several ranks computed. On a GPU
it waits four times a photo for the device; here the draw is made there, and the counts stay there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler


class SeededSampler(BalancedPositiveNegativeSampler):  # type: ignore[misc]
    """Draws a fixed number of anchors or proposals of each photo, positive ones up to a share of them.

    Attributes:
        sampled: How many the last call drew, over all photos; on a GPU a tensor there.
        positive: How many of them were positive.
    """

    sampled: int | Tensor
    positive: int | Tensor

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        super().__init__(batch_size_per_image, positive_fraction)
        self.sampled = self.positive = 0
        self._seeds: list[int] = []

    def seed(self, seeds: Sequence[int]) -> None:
        """Say from which seeds the next call draws, one for each photo."""
        self._seeds = list(seeds)

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Draw.

        Args:
            matched_idxs: For each photo a label for each anchor: at least 1 positive, 0 negative, below 0 neither.

        Returns:
            For each photo which ones are drawn as positive, and which as negative (uint8 masks).
        """
        seeds: Sequence[int | None] = self._seeds or [None] * len(matched_idxs)
        self._seeds = []
        positives, negatives = [], []
        self.sampled = self.positive = 0
        for labels, seed in zip(matched_idxs, seeds, strict=True):
            wanted = int(self.batch_size_per_image * self.positive_fraction)
            draw = _draw if labels.device.type == "cpu" else draw_on_device
            positive, negative, counts = draw(labels, wanted, self.batch_size_per_image, seed)
            positives.append(positive)
            negatives.append(negative)
            self.positive = self.positive + counts[0]
            self.sampled = self.sampled + counts[0] + counts[1]
        return positives, negatives


_Counts = tuple[int, int] | tuple[Tensor, Tensor]
_Drawn = tuple[Tensor, Tensor, _Counts]


def _draw(labels: Tensor, most: int, size: int, seed: int | None) -> _Drawn:
    generator = torch.default_generator if seed is None else torch.Generator().manual_seed(seed)
    positive, count = _draw_some(labels >= 1, most, generator)
    negative, others = _draw_some(labels == 0, size - count, generator)
    return positive, negative, (count, others)


def _draw_some(able: Tensor, wanted: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """Draw up to `wanted` of those that are able; give them as a uint8 mask, and their number."""
    places = torch.where(able)[0]
    chosen = torch.randperm(len(places), generator=generator)[:wanted]
    mask = torch.zeros_like(able, dtype=torch.uint8)
    mask[places[chosen]] = 1
    return mask, len(chosen)


def draw_on_device(labels: Tensor, most: int, size: int, seed: int | None) -> _Drawn:
    """Draw for one photo without the host learning how many there are.

    Each anchor gets a random number, and those with the highest are drawn: positive ones first, then negative ones as
    far as there is room.

    Args:
        labels: At least 1 positive, 0 negative, below 0 neither.
        most: Positive ones at most.
        size: To draw in all.
        seed: Of the random numbers; None takes the device's global generator.

    Returns:
        Masks (uint8) of the positive and of the negative ones drawn, and how many each are, on the device.
    """
    generator = None if seed is None else torch.Generator(labels.device).manual_seed(seed)
    # In 64 bits no two of 200,000 are the same.
    numbers = torch.rand(labels.shape, generator=generator, device=labels.device, dtype=torch.float64)
    positive, count = _take_highest(numbers, labels >= 1, most, torch.full((), most, device=labels.device))
    negative, others = _take_highest(numbers, labels == 0, size, size - count)
    return positive, negative, (count, others)


def _take_highest(numbers: Tensor, able: Tensor, most: int, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Take those that are able with the highest numbers, `wanted` of them, which is no more than `most`."""
    best, places = torch.where(able, numbers, -1.0).topk(min(most, len(numbers)))
    taken = (best >= 0) & (torch.arange(len(places), device=places.device) < wanted)
    mask = torch.zeros_like(able, dtype=torch.uint8).scatter_(0, places, taken.to(torch.uint8))
    return mask, taken.sum()
