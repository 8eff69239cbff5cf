"""How the shelf workload trains a trial of a search, and uses what the search found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from triptych import distributed
from triptych.shelf.devices import limited_threads
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.training.learning_data import prepare_data
from triptych.shelf.training.trainer import Trainer
from triptych.tuning.best import apply_best
from triptych.tuning.trials import Outcome

_STATE = "training.pt"
_NAME = "shelf.detector_best"


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
        self._sources = (photos, annotations, roles)
        self._detector, self._training = detector, training

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
        of_detector, of_training = _divide(config)
        detector = self._detector.replace(**of_detector)
        training = self._training.replace(**{**of_training, "epochs": budget, "evaluate_every_epochs": budget})
        data = prepare_data(*self._sources, detector)
        if not len(data.judged):
            raise ValueError("no validation photo: raise shelf.split.validation_share")
        with limited_threads():
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


def apply_best_settings(
    detector: DetectorParams, training: TrainingParams, best: Mapping[str, Any]
) -> tuple[DetectorParams, TrainingParams]:
    """Put a search's best configuration in the place of the settings it names.

    Args:
        detector: Settings of the model.
        training: Settings of the training.
        best: What `select_best` gave; empty if there was no search.

    Raises:
        ValueError: If it names settings that there are not, or values that they refuse.
    """
    if not best:
        return detector, training
    of_detector, of_training = _divide(best.get("config", {}))
    return (
        apply_best(detector, {**best, "config": of_detector}, _NAME),
        apply_best(training, {**best, "config": of_training}, _NAME),
    )


def _divide(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a configuration into settings of the model and of the training; unknown names go to the model's."""
    names = TrainingParams.model_fields
    return (
        {name: value for name, value in config.items() if name not in names},
        {name: value for name, value in config.items() if name in names},
    )
