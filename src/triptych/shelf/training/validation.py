"""How good the detector is on the validation photos while it is trained: its losses, and COCO's figures."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from triptych import distributed
from triptych.shelf.evaluation.coco_metrics import evaluate_detections
from triptych.shelf.evaluation.thresholds import choose_threshold
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.prediction import LOOK_AHEAD, Photo, predict_prepared
from triptych.shelf.preparation.batches import Batch, PlainBatches
from triptych.shelf.preparation.learning_data import LearningData
from triptych.shelf.preparation.photo_store import PhotoStore
from triptych.shelf.preparation.prepared_photos import KeptPhoto
from triptych.shelf.training.losses import LossNetwork, add_up_losses, move_batch

_IOU = 0.5


class Validator:
    """Judges a detector; the ranks share the photos, and each gets the figures of all.

    Args:
        data: The photos judged.
        store: The same photos as the detector sees them in training.
        batch_size: Photos a step, of one rank.
        precision: Of the computation.
    """

    def __init__(self, data: LearningData, store: PhotoStore, batch_size: int, precision: str) -> None:
        self._data = data
        self._batches = PlainBatches(store, batch_size)
        self._batch_size = batch_size
        self._precision = precision
        self._ids = sorted(category["id"] for category in data.truth["categories"])

    def measure(self, network: LossNetwork, detector: LoadedDetector) -> tuple[float, dict[str, float], float]:
        """Compute the loss on the photos as they are, find the objects, and compare with the annotations.

        Each photo is read once, as it was prepared if it is kept.

        Args:
            network: Computes losses; of the same detector.
            detector: The detector.

        Returns:
            The loss, COCO's figures, and the score threshold for F1.
        """
        shares: list[tuple[dict[str, Tensor], Tensor]] = []
        found: list[dict[str, Any]] = []
        batches = self._batches.with_photos()
        while window := list(itertools.islice(batches, LOOK_AHEAD)):
            shares += self._measure_losses(network, [batch for _, batch in window])
            found += self._detect(detector, {index: photo for photos, _ in window for index, photo in photos.items()})
        everything: list[dict[str, Any]] = distributed.gather_over_ranks(found)
        figures = None
        if distributed.is_primary():
            metrics = evaluate_detections(self._data.truth, everything, self._data.masks)
            figures = metrics, choose_threshold(self._data.truth, everything, _IOU).score
        metrics, threshold = distributed.from_primary(figures)
        return add_up_losses(shares)["loss"], metrics, threshold

    @torch.no_grad()
    def _measure_losses(self, network: LossNetwork, batches: list[Batch]) -> list[tuple[dict[str, Tensor], Tensor]]:
        network.train()  # torchvision computes losses in this mode only
        for part in network.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        device = next(network.parameters()).device
        return [network(move_batch(batch, device)) for batch in batches]

    def _detect(self, detector: LoadedDetector, photos: dict[int, KeptPhoto]) -> list[dict[str, Any]]:
        """Find the objects on photos, which results are given on at their full size."""
        images = {index: self._data.judged.images[index] for index in photos}
        prepared = [
            Photo(image["id"], photos[index].image, photos[index].target, (image["height"], image["width"]))
            for index, image in images.items()
        ]
        return [
            {**item, "category_id": self._ids[item["category_id"] - 1]}
            for results in predict_prepared(detector, prepared, self._batch_size, self._precision)
            for item in results
        ]
