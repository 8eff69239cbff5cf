"""How batches reach the training: in the process itself, or from processes beside it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from triptych import distributed
from triptych.parallel import count_cores
from triptych.shelf.training.batches import Batch

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
        # Forked processes share the photos that are kept in memory. OpenCV's threads do not survive a fork, and a
        # child that touched them would wait for ever: so they are ended here. torch keeps its children to one itself.
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
