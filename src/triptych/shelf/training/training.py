"""Train the detector: on one process, or on all ranks of a distributed job with the same losses.

kedro run --pipelines shelf
torchrun --nproc-per-node 2 -m kedro run --pipelines shelf
"""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import pandas as pd

from triptych import distributed
from triptych.shelf.devices import choose_device, choose_dtype, fast_kernels, limited_threads
from triptych.shelf.model.files import LoadedDetector, save_model
from triptych.shelf.model.pretrained import Anchors, read_anchors
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.preparation.fitting import fit_detector
from triptych.shelf.preparation.learning_data import LearningData, prepare_data
from triptych.shelf.training.checkpoints import Checkpoints
from triptych.shelf.training.fingerprints import fingerprint
from triptych.shelf.training.trainer import Trainer
from triptych.storage.folder import Folder

_logger = logging.getLogger(__name__)


def train(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    checkpoints: Path,
    detector: DetectorParams,
    training: TrainingParams,
) -> tuple[Folder, pd.DataFrame, dict[str, Any]]:
    """Train a detector, and keep the epoch that is best on the validation photos.

    An interrupted training with the same data and settings goes on after the last epoch that was saved. One for more
    epochs goes on from one for fewer, complete or not, with the learning rates that it would have from there on had it
    been alone. The same as a complete one starts anew.

    Args:
        photos: The ingested photos.
        annotations: Their annotations, in COCO's format.
        roles: Columns `image_id`, `role`.
        checkpoints: Where the states of trainings are kept, each in a folder of its own.
        detector: The model.
        training: How it is trained.

    Returns:
        The model (empty on ranks other than 0), a row for each epoch, and a report.

    Raises:
        ValueError: If there is nothing to learn, or the settings do not fit the data.
        NonFiniteLossError: If the loss explodes.
    """
    with limited_threads() as threads, fast_kernels(choose_device()), distributed.joined():
        start = time.perf_counter()
        data = prepare_data(photos, annotations, roles, detector)
        device = choose_device()
        dtype = choose_dtype(training.precision, device)
        mark = fingerprint([data.learnt, data.judged], detector, training, device, dtype)
        kept = Checkpoints(checkpoints, mark, training)
        state = _load_state(kept, training)
        detector, fit = _settle(detector, training, data, state)
        trainer = Trainer(data, detector, training)
        before = _go_on(trainer, state, training)
        while not trainer.is_done(training.epochs):
            trainer.run_epoch(0, training.epochs)
            trainer.seconds = before + time.perf_counter() - start
            trainer.log_last(training.epochs)
            if distributed.is_primary():
                kept.save(trainer.state() | {"fitted": fit["fitted"]}, trainer.fresh_best())
        folder = Folder.create("model")
        if distributed.is_primary():
            _save(folder.path, trainer, kept)
            kept.finish()
        report = trainer.report() | fit | {"threads": threads, "data_fingerprint": mark}
        return folder, pd.DataFrame(trainer.rows), report


def _read_anchors_once(detector: DetectorParams) -> Anchors | None:
    """Read the anchors of weights on rank 0, which may download them, for all."""
    anchors: Anchors | None = distributed.from_primary(read_anchors(detector) if distributed.is_primary() else None)
    return anchors


def _load_state(kept: Checkpoints, training: TrainingParams) -> dict[str, Any] | None:
    """Give every rank the state of an interrupted training, None where this one begins."""
    state = None
    if distributed.is_primary():
        kept.clean()
        state = kept.load() if training.resume else None
        if state is None:
            kept.clear()
    found: dict[str, Any] | None = distributed.from_primary(state)
    return found


def _settle(
    detector: DetectorParams, training: TrainingParams, data: LearningData, state: dict[str, Any] | None
) -> tuple[DetectorParams, dict[str, Any]]:
    """Settle what is left to the data, as a training that is gone on from had it: more epochs would fit otherwise."""
    before = state.get("fitted", {}) if state else {}
    settled, fit = fit_detector(detector.replace(**before), training, data.learnt, _read_anchors_once)
    return settled, fit | {"fitted": {**before, **fit["fitted"]}}


def _go_on(trainer: Trainer, state: dict[str, Any] | None, training: TrainingParams) -> float:
    """Take up a state; give the seconds it had taken."""
    if state is None:
        return 0.0
    trainer.restore(state)
    _logger.info("Going on after epoch %d of %d", trainer.epoch, training.epochs)
    if trainer.extends:
        _logger.info(
            "It was planned for %d epochs: the learning rate goes on as in one of %d", trainer.extends, training.epochs
        )
    return trainer.seconds


def _save(folder: Path, trainer: Trainer, kept: Checkpoints) -> None:
    best = trainer.best
    trainer.averaged.load_state_dict(kept.load_best(best.epoch))
    info = {"epoch": best.epoch, "validation": best.metrics}
    judged: LoadedDetector = trainer.loaded(best.threshold, info)
    save_model(folder, judged)
    shown = ", ".join(f"{name} {value:.3f}" for name, value in best.metrics.items() if math.isfinite(value))
    _logger.info("Epoch %d is the best: %s", best.epoch, shown or "there are no validation photos")
