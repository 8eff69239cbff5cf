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
from triptych.shelf.params import DetectorParams, TrainingParams

# Settings that decide where and how fast, not what, is computed.
INDIFFERENT = {
    *("resume", "tuned", "loader_workers", "cache_mb", "num_nodes", "processes_per_node", "backend"),
    *("checkpoint_share", "checkpoint_days", "log_every_s"),
}
# May be raised; and what the others come to, on this device and in the detector's settings, counts.
_ELSEWHERE = {"epochs", "precision", "object_px", "budget_mpx"}


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
        detector: The model.
        training: How it is trained; the number of epochs does not count.
        device: What computes.
        dtype: In which type.

    Returns:
        16 hexadecimal digits.
    """
    settings = training.model_dump(exclude=INDIFFERENT | _ELSEWHERE)
    versions = {name: version(name) for name in ("torch", "torchvision")}
    machine = [str(dtype), device.type, distributed.world_size(), versions]
    digest = hashlib.sha256(json.dumps([detector.model_dump(), settings, machine], sort_keys=True).encode())
    if Path(detector.weights).is_file():
        digest.update(sample_file(Path(detector.weights)))
    for photos in sets:
        digest.update(json.dumps([photos.images, photos.objects], sort_keys=True).encode())
        for image in photos.images:
            digest.update(sample_file(locate_photo(photos.folder, image)))
    return digest.hexdigest()[:16]
