"""How the shelf workload trains a trial of a search, and uses what the search found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from triptych import distributed
from triptych.registry.provenance import fingerprint_tables
from triptych.shelf.devices import choose_device, fast_kernels, limited_threads
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.preparation.fitting import fit_detector
from triptych.shelf.preparation.learning_data import prepare_data
from triptych.shelf.training.fingerprints import INDIFFERENT
from triptych.shelf.training.presets import apply_preset
from triptych.shelf.training.trainer import Trainer
from triptych.tuning.best import apply_best, pick_fields
from triptych.tuning.trials import Outcome

_STATE = "training.pt"
_BUDGET = {"epochs", "evaluate_every_epochs"}
"""Settings whose place a trial's budget takes."""


class DetectorTrial:
    """Train a detector on the training photos, and score it on the validation photos.

    Every rung is a cycle of the learning rate of its own: up, and down to nothing at the rung's last epoch. So what
    is compared is a detector at the end of its training, in every rung, and a promoted one warms up again.
    """

    def __init__(
        self,
        photos: Path,
        annotations: dict[str, Any],
        roles: pd.DataFrame,
        detector: DetectorParams,
        training: TrainingParams,
    ) -> None:
        detector, training = apply_preset(detector, training)
        self._sources = (photos, annotations, roles)
        self._detector, self._training = detector, training
        self.settings = detector.model_dump() | training.model_dump(exclude=INDIFFERENT | _BUDGET)
        self.data = fingerprint_data(annotations, roles)

    def train(self, config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
        """Go on from the checkpoint up to `budget` epochs.

        Args:
            config: Fields of DetectorParams and TrainingParams.
            budget: Epochs, all rungs together.
            checkpoint: What the rung before wrote; None in the first.
            folder: Where to write this rung's.

        Returns:
            COCO's figures on the validation photos after the last epoch.

        Raises:
            ValueError: If there is no validation photo, or there are several ranks.
        """
        if distributed.world_size() > 1:
            raise ValueError("a search trains each trial in one process: run it without torchrun")
        detector = self._detector.replace(**pick_fields(self._detector, config))
        epochs = {"epochs": budget, "evaluate_every_epochs": budget}
        training = self._training.replace(**pick_fields(self._training, config) | epochs)
        data = prepare_data(*self._sources, detector)
        if not len(data.judged):
            raise ValueError("no validation photo: raise shelf.split.validation_share")
        # The size that the whole training would have: a rung's budget does not change it.
        detector, _ = fit_detector(detector, training.replace(epochs=self._training.epochs), data.learnt)
        with limited_threads(), fast_kernels(choose_device()):
            trainer = Trainer(data, detector, training)
            if checkpoint is not None:
                trainer.restore(torch.load(checkpoint / _STATE, map_location="cpu", weights_only=True))
            start = trainer.epoch
            while trainer.epoch < budget:
                trainer.run_epoch(start, budget)
                trainer.log_last(budget)
        torch.save(trainer.state(), folder / _STATE)
        last = trainer.rows[-1]
        return Outcome({name: value for name, value in last.items() if name.startswith(("box.", "mask."))})


def tune_detector(
    detector: DetectorParams,
    training: TrainingParams,
    best: Mapping[str, Any],
    annotations: Mapping[str, Any],
    roles: pd.DataFrame,
) -> tuple[DetectorParams, TrainingParams]:
    """Use the preset, and what a search found, if it was found on these photos.

    Args:
        detector: Settings of the model.
        training: Settings of the training.
        best: What `select_best` gave; empty if there was no search.
        annotations: Of the photos.
        roles: Of the photos.
    """
    detector, training = apply_preset(detector, training)
    blocks = {"shelf.detector": detector, "shelf.training": training}
    of_detector, of_training = apply_best(blocks, best, "shelf.detector_best", fingerprint_data(annotations, roles))
    return of_detector, of_training


def fingerprint_data(annotations: Mapping[str, Any], roles: pd.DataFrame) -> str:
    """Tell apart photos with other names, sizes, annotations or roles."""
    described = json.dumps(annotations, sort_keys=True) + fingerprint_tables([roles])
    return hashlib.sha256(described.encode()).hexdigest()[:16]
