"""Tell apart trainings that compute something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from triptych import distributed
from triptych.shelf.data.dataset import PhotoSet, locate_photo
from triptych.shelf.data.photo_files import sample_file
from triptych.shelf.model.files import WEIGHTS
from triptych.shelf.params import DetectorParams, TrainingParams

# Settings that decide where and how fast, not what, is computed.
INDIFFERENT = {
    *("resume", "tuned", "loader_workers", "cache_mb", "num_nodes", "processes_per_node", "backend"),
    *("checkpoint_share", "checkpoint_days", "log_every_s"),
}
# May be raised; and what the other comes to on this device counts.
_ELSEWHERE = {"epochs", "precision"}
_OF_OPEN_SIZE = {"object_px", "budget_mpx"}  # decide the size of photos where the detector's settings leave it open


def fingerprint(
    sets: Sequence[PhotoSet],
    detector: DetectorParams,
    training: TrainingParams,
    device: torch.device,
    dtype: torch.dtype,
) -> str:
    """Tell apart trainings on other photos, annotations or machines, with other settings or versions.

    Args:
        sets: The photos of each role.
        detector: The model as it was asked for: what is left to the data follows from photos and settings, and stays
            where a training goes on with more epochs.
        training: How it is trained; the number of epochs does not count.
        device: What computes.
        dtype: In which type.

    Returns:
        16 hexadecimal digits.
    """
    without_effect = _OF_OPEN_SIZE if detector.min_size_px else set()
    settings = training.model_dump(exclude=INDIFFERENT | _ELSEWHERE | without_effect)
    versions = {name: version(name) for name in ("torch", "torchvision")}
    machine = [str(dtype), device.type, distributed.world_size(), versions]
    digest = hashlib.sha256(json.dumps([detector.model_dump(), settings, machine], sort_keys=True).encode())
    weights = Path(detector.weights)
    for file in (weights, weights / WEIGHTS):
        if file.is_file():
            digest.update(sample_file(file))
    for photos in sets:
        digest.update(json.dumps([photos.images, photos.objects], sort_keys=True).encode())
        for image in photos.images:
            digest.update(sample_file(locate_photo(photos.folder, image)))
    return digest.hexdigest()[:16]
