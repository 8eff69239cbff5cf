"""The training loop."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from triptych import distributed
from triptych.shelf.devices import choose_device, choose_dtype
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.weights import start_detector
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.preparation.batches import TrainingBatches, choose_workers, load_batches
from triptych.shelf.preparation.learning_data import LearningData
from triptych.shelf.preparation.photo_store import PhotoStore
from triptych.shelf.preparation.prepared_photos import free_space, remove_others
from triptych.shelf.training.averaging import average_decay, copy_for_average, update_average
from triptych.shelf.training.losses import LossNetwork, move_batch, reduce_losses
from triptych.shelf.training.progress import EpochProgress, Stopwatch, log_epoch
from triptych.shelf.training.schedule import learning_rate
from triptych.shelf.training.update import NonFiniteLossError, WeightUpdate
from triptych.shelf.training.validation import Validator

_NO_THRESHOLD = 0.5
_CHOOSING = ("box.map", "mask.map")  # the second decides where the first is equal


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Attributes:
        epoch: From 1; 0 before the first.
        metrics: On the validation photos.
        threshold: Score chosen by F1 on them.
    """

    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    threshold: float = _NO_THRESHOLD

    def loses_to(self, metrics: dict[str, float]) -> bool:
        """Tell whether other metrics are at least as good: of equal ones the later epoch is taken."""
        own, other = ([found.get(name, 0.0) for name in _CHOOSING] for found in (self.metrics, metrics))
        return other >= own


class Trainer:
    """A detector in training, epoch by epoch.

    Args:
        data: What it learns from and is judged on.
        params: The model.
        training: How it is trained.

    Attributes:
        detector: What learns.
        averaged: The mean of its weights over the last steps, which is validated and kept.
        epoch: Complete epochs.
        rows: A row for each of them.
        best: The best of them.
        seconds: That the training has taken, whoever measures it.
        extends: Epochs of the shorter training that it goes on from; 0 where it stands for itself.
    """

    def __init__(self, data: LearningData, params: DetectorParams, training: TrainingParams) -> None:
        if training.batch_size < distributed.world_size():
            ranks = distributed.world_size()
            raise ValueError(f"training.batch_size must be at least {ranks}, a photo for every rank")
        self._data, self._params, self._training = data, params, training
        self._device = choose_device()
        self._dtype = choose_dtype(training.precision, self._device)
        self.detector = self._build()
        self._network = LossNetwork(self.detector, self._dtype, training.channels_last)
        self._parallel = self._spread(self._network)
        # After it, as only then every rank has the weights that the first one has read.
        self.averaged = copy_for_average(self.detector, training.ema_decay)
        self._judged_network = LossNetwork(self.averaged, self._dtype, training.channels_last)
        self._update = WeightUpdate(self.detector, training, self._device, self._dtype)
        scale, space = training.augmentation.scale[1], free_space(training.cache_mb * 2**20)
        keep = partial(PhotoStore, params=params, masks=data.masks)
        self._store = keep(data.learnt, largest_scale=scale, space=space)
        judged = keep(data.judged, space=space - self._store.kept_bytes)  # the rest
        remove_others(self._store.kept_bytes + judged.kept_bytes, training.cache_mb * 2**20)
        self._batches = TrainingBatches(self._store, training.batch_size, training.augmentation, training.seed)
        share = math.ceil(training.batch_size / distributed.world_size())
        self._validator = Validator(data, judged, share, training.precision)
        self._iterator: Any = None
        self.epoch = 0
        self.rows: list[dict[str, Any]] = []
        self.best = Best()
        self.seconds = 0.0
        self.extends = 0
        self._fresh: dict[str, Any] | None = None

    def _build(self) -> Any:
        data = self._data
        detector: Any = start_detector(self._params, len(data.categories), data.masks, self._training.seed)
        if distributed.world_size() > 1 and self._device.type == "cuda":
            detector = nn.SyncBatchNorm.convert_sync_batchnorm(detector)  # type: ignore[no-untyped-call]
        layout = torch.channels_last if self._training.channels_last else torch.contiguous_format
        return detector.to(self._device, memory_format=layout)

    def _spread(self, network: LossNetwork) -> nn.Module:
        if distributed.world_size() == 1:
            return network
        devices = [self._device.index] if self._device.type == "cuda" else None
        chosen = self._training.backend
        group = None if chosen == "auto" else torch.distributed.new_group(backend=chosen)
        parallel = DistributedDataParallel(network, device_ids=devices, process_group=group)
        # Every rank has the first one's buffers now. Only a BatchNorm2d changes them, by its own rank's photos.
        parallel.broadcast_buffers = any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
        return parallel

    def run_epoch(self, cycle_start: int, cycle_end: int) -> None:
        """Train for an epoch, and validate if it is time.

        Args:
            cycle_start: Epoch at which the learning rate's schedule starts.
            cycle_end: Epoch at which it ends.
        """
        if self._iterator is None:
            self._iterator = self._start_loading(cycle_end)
        waiting, start = Stopwatch(), time.perf_counter()
        sums: dict[str, float] = {}
        steps = self._batches.steps
        self._parallel.train()
        every_s = self._training.log_every_s if distributed.is_primary() else math.inf
        progress = EpochProgress(self.epoch + 1, cycle_end, steps, self._training.batch_size, every_s)
        for step in range(self.epoch * steps, (self.epoch + 1) * steps):
            with waiting:
                batch = next(self._iterator)
            rate = learning_rate(step - cycle_start * steps, (cycle_end - cycle_start) * steps, self._training)
            for name, value in self._learn(batch, rate).items():
                sums[name] = sums.get(name, 0.0) + value / steps
            if self.averaged is not self.detector:
                update_average(self.averaged, self.detector, average_decay(step, self._training.ema_decay))
            progress.report(step + 1 - self.epoch * steps)
        self._update.check()
        seconds = time.perf_counter() - start
        self.epoch += 1
        images = steps * self._training.batch_size
        row = {"epoch": self.epoch, "learning_rate": rate, **sums, "seconds": seconds, "images_per_s": images / seconds}
        self.rows.append(row | {"waiting_share": waiting.seconds / seconds} | self._validate(cycle_end))

    def _start_loading(self, epochs: int) -> Any:
        steps = self._batches.steps
        workers = choose_workers(self._training.loader_workers, self._device)
        return iter(load_batches(self._batches, range(self.epoch * steps, epochs * steps), workers, self._device))

    def _learn(self, batch: Any, rate: float) -> dict[str, float]:
        losses, counts = self._parallel(move_batch(batch, self._device))
        reduced = reduce_losses(losses, counts)
        norm = self._update.apply(reduced.total, rate)
        # Only now does the host wait for the device. Weights that a bad step has spoilt are of no use to anybody, as
        # training ends here, and the states before it are kept.
        values = reduced.read(gradient_norm=norm)
        self._check(values, batch.files)
        return values

    def _check(self, values: dict[str, float], files: list[str]) -> None:
        if all(math.isfinite(value) for value in values.values()):
            return
        raise NonFiniteLossError(
            f"training stopped in epoch {self.epoch + 1}: {values} on {', '.join(files)}. Look at the boxes of these "
            "photos; if they are right, lower training.learning_rate, or train with precision fp32"
        )

    def _validate(self, epochs: int) -> dict[str, float]:
        """Judge this epoch if it is time, and remember it if it is the best."""
        self._fresh = None
        if self.epoch % self._training.evaluate_every_epochs and self.epoch < epochs:
            return {}
        start = time.perf_counter()
        metrics: dict[str, float] = {}
        threshold, loss = _NO_THRESHOLD, dict[str, float]()
        if len(self._data.judged):
            detector = self.loaded(_NO_THRESHOLD, {})
            loss["validation_loss"], metrics, threshold = self._validator.measure(self._judged_network, detector)
        if self.best.loses_to(metrics):
            self.best = Best(self.epoch, metrics, threshold)
            self._fresh = {name: value.detach().cpu().clone() for name, value in self.averaged.state_dict().items()}
        return {**loss, **metrics, "validation_seconds": time.perf_counter() - start}

    def is_done(self, epochs: int) -> bool:
        """Tell whether to end: after so many epochs, or earlier where the validation photos teach nothing more."""
        reached = self.rows[-1].get("box.map_50", 0.0) if self.rows else 0.0
        return self.epoch >= epochs or reached >= self._training.stop_at_map_50

    def loaded(self, threshold: float, info: dict[str, Any]) -> LoadedDetector:
        """Give the detector with the mean of its weights, ready to predict."""
        return LoadedDetector(
            self.averaged.eval(), self._data.categories, self._data.masks, threshold, self._params, info
        )

    def log_last(self, epochs: int) -> None:
        """Log a line about the last epoch."""
        if distributed.is_primary():
            log_epoch(self.rows[-1], epochs, self.seconds)

    def fresh_best(self) -> dict[str, Any] | None:
        """Give the weights if the last epoch is the best so far."""
        return self._fresh

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs.

        Order, variations and draws are functions of the seed and the step, and the learning rate of the step: no
        generator and no schedule has a state.
        """
        return {
            "epoch": self.epoch,
            "detector": self.detector.state_dict(),
            "averaged": self.averaged.state_dict() if self.averaged is not self.detector else {},
            **self._update.state_dict(),
            "rows": self.rows,
            "best": asdict(self.best),
            "best_epoch": self.best.epoch,
            "seconds": self.seconds,
            "extends": self.extends,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.detector.load_state_dict(state["detector"])
        if self.averaged is not self.detector:
            self.averaged.load_state_dict(state["averaged"])
        self._update.load_state_dict(state)
        self.epoch, self.rows, self.seconds = state["epoch"], list(state["rows"]), state["seconds"]
        self.best = Best(**state["best"])
        self.extends = state.get("extends", 0)

    def report(self) -> dict[str, Any]:
        """Summarize the training."""
        learning = sum(row["seconds"] for row in self.rows)
        images = len(self.rows) * self._batches.steps * self._training.batch_size
        return {
            "epochs": self.epoch,
            "extends_epochs": self.extends,
            "best_epoch": self.best.epoch,
            "validation": self.best.metrics,
            "score_threshold": self.best.threshold,
            "seconds": self.seconds,
            "learning_seconds": learning,
            "images_per_s": images / learning,
            "waiting_share": sum(row["waiting_share"] * row["seconds"] for row in self.rows) / learning,
            "photos": len(self._data.learnt),
            "validation_photos": len(self._data.judged),
            "photos_kept": self._store.kept,
            "masks": self._data.masks,
            "parameters": sum(parameter.numel() for parameter in self.detector.parameters()),
            "precision": str(self._dtype).removeprefix("torch."),
            "device": torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu",
            "ranks": distributed.world_size(),
        }
