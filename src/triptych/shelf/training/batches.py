"""Which photos make up each step of the training, in which variation: a function of seed and step alone.

So it does not matter which process loads a batch, nor in which order, nor where a training that was interrupted goes
on; and every rank knows the whole batch of which it takes a share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from triptych import distributed
from triptych.shelf.model.preprocessing import stack_images
from triptych.shelf.params import AugmentationParams
from triptych.shelf.training.augmentation import Variation, draw_variation
from triptych.shelf.training.photo_store import PhotoStore, Sample

_ORDER, _VARIATION, _DRAWS = range(3)  # what a seed is for


class Batch(NamedTuple):
    """This rank's share of the photos of a step.

    Attributes:
        images: uint8, N x 3 x H x W, channels last in memory; smaller photos are padded on the right and below.
        sizes: Height and width of each photo without that padding.
        targets: For each photo `boxes` (float32, M x 4), `labels` (int64, M), and `masks` (uint8, M x h x w) if any.
        seeds: For each photo, of what the heads draw.
        files: Names of the photos of all ranks.
    """

    images: Tensor
    sizes: list[tuple[int, int]]
    targets: list[dict[str, Tensor]]
    seeds: list[int]
    files: list[str]


class TrainingBatches(Dataset[Batch]):
    """The steps of all epochs, each with the whole batch divided among the ranks.

    Args:
        store: The training photos.
        batch_size: Photos a step, over all ranks.
        augmentation: How they are varied.
        seed: Of order and variations.
    """

    def __init__(self, store: PhotoStore, batch_size: int, augmentation: AugmentationParams, seed: int) -> None:
        self.store = store
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.steps = math.ceil(len(store) / batch_size)
        """Steps an epoch."""
        self._epoch = -1
        self._order: list[list[int]] = []

    def __getitem__(self, step: int) -> Batch:
        """Load this rank's share of a step, counted from the first of the first epoch."""
        epoch, number = divmod(step, self.steps)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.order(epoch)
        indices = self._order[number]
        mine = distributed.shard(range(len(indices)))
        samples, seeds = [], []
        for place in mine:
            key = (epoch, number * self.batch_size + place)
            rng = np.random.default_rng([self.seed, _VARIATION, *key])
            samples.append(self.store.vary(indices[place], draw_variation(rng, self.augmentation)))
            seeds.append(_seed(self.seed, _DRAWS, *key))
        return collate(samples, self._canvas(indices), seeds, self._names(indices))

    def order(self, epoch: int) -> list[list[int]]:
        """Put the photos into batches of the same shape (upright or not), in an order of this epoch.

        Returns:
            Indices for each step. The last step is filled up with photos from the start.
        """
        order = np.random.default_rng([self.seed, _ORDER, epoch]).permutation(len(self.store)).tolist()
        upright = [index for index in order if self._is_upright(index)]
        wide = [index for index in order if not self._is_upright(index)]
        size = self.batch_size
        batches = [part[start : start + size] for part in (wide, upright) for start in range(0, len(part), size)]
        full = [batch for batch in batches if len(batch) == size]
        rest = [index for batch in batches if len(batch) < size for index in batch]
        while len(rest) % size:
            rest += order[: size - len(rest) % size]
        mixed = [rest[start : start + size] for start in range(0, len(rest), size)]
        places = np.random.default_rng([self.seed, _ORDER, epoch, 1]).permutation(len(full) + len(mixed))
        return [(full + mixed)[place] for place in places]

    def _is_upright(self, index: int) -> bool:
        height, width = self.store.target(index)
        return height > width

    def _canvas(self, indices: Sequence[int]) -> tuple[int, int]:
        sizes = [self.store.target(index) for index in indices]
        return max(height for height, _ in sizes), max(width for _, width in sizes)

    def _names(self, indices: Sequence[int]) -> list[str]:
        return [self.store.photos.images[index]["file_name"] for index in indices]


class PlainBatches:
    """This rank's share of the photos as they are, in order, for the loss on them."""

    def __init__(self, store: PhotoStore, batch_size: int) -> None:
        self.store = store
        mine = distributed.shard(range(len(store)))
        self._parts = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]

    def __iter__(self) -> Iterator[Batch]:
        return map(self._load, self._parts)

    def _load(self, part: list[int]) -> Batch:
        samples = [self.store.vary(index, Variation()) for index in part]
        sizes = [self.store.target(index) for index in part]
        canvas = max(height for height, _ in sizes), max(width for _, width in sizes)
        names = [self.store.photos.images[index]["file_name"] for index in part]
        return collate(samples, canvas, [_seed(0, _DRAWS, index) for index in part], names)


def _seed(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def collate(samples: Sequence[Sample], canvas: tuple[int, int], seeds: list[int], files: list[str]) -> Batch:
    """Put samples on one canvas.

    Args:
        samples: The photos.
        canvas: Height and width that hold the largest; rounded up to what the backbone divides by.
        seeds: Of each photo.
        files: Names of the photos of the whole step.
    """
    images = stack_images([sample.image for sample in samples], canvas)
    targets = []
    for sample in samples:
        target = {"boxes": torch.from_numpy(sample.boxes), "labels": torch.from_numpy(sample.labels)}
        if sample.masks is not None:
            target["masks"] = torch.from_numpy(sample.masks)
        targets.append(target)
    sizes = [(sample.image.shape[0], sample.image.shape[1]) for sample in samples]
    return Batch(images, sizes, targets, seeds, files)
