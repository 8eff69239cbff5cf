"""What an interrupted training needs to go on exactly: written whole after each epoch, or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from triptych.shelf.data.dataset import PhotoSet, locate_photo
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.storage import mirrors

_logger = logging.getLogger(__name__)
_STATE = "state.pt"
_BEST = "best_{}.pt"
# Settings that decide where and how fast, not what, is computed.
INDIFFERENT = {"resume", "tuned", "loader_workers", "cache_mb", "num_nodes", "processes_per_node", "backend"}
_SAMPLED_BYTES = 1 << 14


class Checkpoints:
    """The state of a training in a folder of its own, one epoch at a time.

    Args:
        folder: Where to keep it.
        fingerprint: Of data and settings; the state of another training is not taken up.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def load(self) -> dict[str, Any] | None:
        """Give the state after the last complete epoch, or None if there is none of this training."""
        path = self._folder / _STATE
        mirrors.pull(self._folder)
        if not path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged or foreign file raises
            _logger.warning("%s cannot be read (%s): training starts anew", path, error)
            return None
        if state.get("fingerprint") != self._fingerprint:
            _logger.warning("%s is of other data or settings: training starts anew", path)
            return None
        return state

    def save(self, state: dict[str, Any], best: dict[str, Any] | None) -> None:
        """Write the state after an epoch.

        Args:
            state: Of the training; `best_epoch` in it says which weights are the best.
            best: Those weights if they are of this epoch; else they are there already.
        """
        if best is not None:
            self._write(self._best(state["best_epoch"]), best)
        self._write(self._folder / _STATE, {**state, "fingerprint": self._fingerprint})
        for path in self._folder.glob(_BEST.format("*")):
            if path != self._best(state["best_epoch"]):
                mirrors.drop(path)

    def load_best(self, epoch: int) -> dict[str, Any]:
        """Give the weights of the best epoch."""
        weights: dict[str, Any] = torch.load(self._best(epoch), map_location="cpu", weights_only=True)
        return weights

    def clear(self) -> None:
        """Remove everything: the training is complete, or starts anew."""
        mirrors.pull(self._folder)
        for path in [self._folder / _STATE, *self._folder.glob(_BEST.format("*")), *self._folder.glob(".*.part")]:
            mirrors.drop(path)

    def _best(self, epoch: int) -> Path:
        return self._folder / _BEST.format(epoch)

    @staticmethod
    def _write(path: Path, content: dict[str, Any]) -> None:
        part = path.with_name(f".{path.name}.part")
        with part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        mirrors.push(path)


def fingerprint(sets: Sequence[PhotoSet], detector: DetectorParams, training: TrainingParams) -> str:
    """Tell apart trainings on other photos, other annotations or with other settings.

    Args:
        sets: The photos of each role.
        detector: The model.
        training: How it is trained.
    """
    settings = training.model_dump(exclude=INDIFFERENT)
    digest = hashlib.sha256(json.dumps([detector.model_dump(), settings], sort_keys=True).encode())
    for photos in sets:
        digest.update(json.dumps([photos.images, photos.objects], sort_keys=True).encode())
        for image in photos.images:
            digest.update(_sample_file(locate_photo(photos.folder, image)))
    return digest.hexdigest()[:16]


def _sample_file(path: Path) -> bytes:
    """Give a file's size, beginning and end: enough to notice another photo, and soon read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(_SAMPLED_BYTES)
        file.seek(max(0, size - _SAMPLED_BYTES))
        return size.to_bytes(8, "big") + start + file.read(_SAMPLED_BYTES)
