"""Which photos make up each step of the training, in which variation: a function of seed and step alone.

So it does not matter which process loads a batch, nor in which order, nor where a training that was interrupted goes
on; and every rank knows the whole batch of which it takes a share.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from triptych import distributed
from triptych.parallel import count_cores
from triptych.shelf.model.preprocessing import stack_images
from triptych.shelf.params import AugmentationParams
from triptych.shelf.preparation.augmentation import Variation, draw_variation
from triptych.shelf.preparation.photo_store import PhotoStore, Sample, vary_photo
from triptych.shelf.preparation.prepared_photos import KeptPhoto

_ORDER, _VARIATION, _DRAWS = range(3)  # what a seed is for


class Batch(NamedTuple):
    """This rank's share of the photos of a step.

    Attributes:
        images: uint8, N x 3 x H x W, channels last in memory; smaller photos are padded on the right and below.
        sizes: Height and width of each photo without that padding.
        targets: For each photo `boxes` (float32, M x 4), `labels` (int64, M), and where masks are learnt those of
            `PartlyMaskedHeads`, with crops instead of whole masks.
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
        return (batch for _, batch in self.with_photos())

    def with_photos(self) -> Iterator[tuple[dict[int, KeptPhoto], Batch]]:
        """Give each batch with its photos as they are kept, by index: each is read once."""
        for part in self._parts:
            photos = {index: self.store.read(index) for index in part}
            samples = [vary_photo(photo, Variation()) for photo in photos.values()]
            canvas = tuple(max(photo.target[side] for photo in photos.values()) for side in (0, 1))
            names = [self.store.photos.images[index]["file_name"] for index in part]
            yield photos, collate(samples, (canvas[0], canvas[1]), [_seed(0, _DRAWS, index) for index in part], names)


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
            target["masks"] = torch.from_numpy(sample.masks.pixels)
            target["mask_corners"] = torch.from_numpy(sample.masks.corners)
            target["mask_known"] = torch.from_numpy(sample.masks.known)
        targets.append(target)
    sizes = [(sample.image.shape[0], sample.image.shape[1]) for sample in samples]
    return Batch(images, sizes, targets, seeds, files)


_MOST_WORKERS = 8


def choose_workers(wanted: int, device: torch.device) -> int:
    """Choose the number of loading processes.

    On a processor the training itself takes every core, and a kept photo is varied in a hundredth of the time that it
    is learnt from: more processes would only be in the way. A GPU leaves the cores free.

    Args:
        wanted: -1 to choose.
        device: What computes.
    """
    if wanted >= 0:
        return wanted
    if device.type == "cpu":
        return 0
    return max(1, min(_MOST_WORKERS, count_cores() // distributed.local_world_size() - 1))


def load_batches(
    batches: Dataset[Batch], numbers: Iterable[int], workers: int, device: torch.device
) -> Iterable[Batch]:
    """Load batches ahead of their use.

    Args:
        batches: Which ones there are.
        numbers: Which ones to load, in order.
        workers: Loading processes; 0 loads each batch when it is asked for.
        device: What they are for.
    """
    options: dict[str, Any] = {}
    if workers:
        # Forked processes start at once. OpenCV's threads do not survive a fork, and a child that touched them would
        # wait for ever: so they are ended here. torch keeps its children to one itself.
        cv2.setNumThreads(1)
        method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
        options = {"prefetch_factor": 4, "multiprocessing_context": method}
    return DataLoader(
        batches,
        batch_size=None,
        sampler=list(numbers),
        num_workers=workers,
        pin_memory=device.type == "cuda",
        **options,
    )
