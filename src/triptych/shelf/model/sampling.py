"""Which anchors and proposals the heads learn from: drawn from a seed of each photo, and counted.

torchvision draws them from the global generator, so that what a photo's neighbours and the number of processes are
changes the draw; and it keeps no count, which is needed to put together the means that several ranks computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler


class SeededSampler(BalancedPositiveNegativeSampler):  # type: ignore[misc]
    """Draws a fixed number of anchors or proposals of each photo, positive ones up to a share of them.

    Attributes:
        sampled: How many the last call drew, over all photos.
        positive: How many of them were positive.
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        super().__init__(batch_size_per_image, positive_fraction)
        self.sampled = self.positive = 0
        self._generators: list[torch.Generator] = []

    def seed(self, seeds: Sequence[int]) -> None:
        """Say from which seeds the next call draws, one for each photo."""
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Draw.

        Args:
            matched_idxs: For each photo a label for each anchor: at least 1 positive, 0 negative, below 0 neither.

        Returns:
            For each photo which ones are drawn as positive, and which as negative (uint8 masks).
        """
        generators = self._generators or [torch.default_generator] * len(matched_idxs)
        self._generators = []
        positives, negatives = [], []
        self.sampled = self.positive = 0
        for labels, generator in zip(matched_idxs, generators, strict=True):
            wanted = int(self.batch_size_per_image * self.positive_fraction)
            positive, count = _draw(labels >= 1, wanted, generator)
            negative, others = _draw(labels == 0, self.batch_size_per_image - count, generator)
            positives.append(positive)
            negatives.append(negative)
            self.positive += count
            self.sampled += count + others
        return positives, negatives


def _draw(able: Tensor, wanted: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """Draw up to `wanted` of those that are able; give them as a uint8 mask, and their number."""
    places = torch.where(able)[0]
    chosen = torch.randperm(len(places), generator=generator)[:wanted].to(places.device)
    mask = torch.zeros_like(able, dtype=torch.uint8)
    mask[places[chosen]] = 1
    return mask, len(chosen)
