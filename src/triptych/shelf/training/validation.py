"""How good the detector is on the validation photos while it is trained: its losses, and COCO's figures."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from triptych import distributed
from triptych.shelf.evaluation.coco_metrics import choose_threshold, evaluate_detections
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.prediction import predict_photos
from triptych.shelf.training.batches import PlainBatches
from triptych.shelf.training.learning_data import LearningData
from triptych.shelf.training.losses import LossNetwork, add_up_losses, move_batch
from triptych.shelf.training.photo_store import PhotoStore

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

    @torch.no_grad()
    def measure_loss(self, network: LossNetwork) -> float:
        """Compute the loss on the photos as they are."""
        network.train()  # torchvision computes losses in this mode only
        for part in network.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        device = next(network.parameters()).device
        shares = [network(move_batch(batch, device)) for batch in self._batches]
        return add_up_losses(shares)["loss"]

    def measure(self, detector: LoadedDetector) -> tuple[dict[str, float], float]:
        """Find the objects, and compare with the annotations.

        Returns:
            COCO's figures, and the score threshold with the best F1.
        """
        photos = self._data.judged
        mine = distributed.shard(range(len(photos)))
        images = ((photos.images[index]["id"], photos.read_image(index)) for index in mine)
        found = [
            {**item, "category_id": self._ids[item["category_id"] - 1]}
            for results in predict_photos(detector, images, self._batch_size, self._precision)
            for item in results
        ]
        everything: list[dict[str, Any]] = distributed.gather_over_ranks(found)
        figures = None
        if distributed.is_primary():
            metrics = evaluate_detections(self._data.truth, everything, self._data.masks)
            figures = metrics, choose_threshold(self._data.truth, everything, _IOU).score
        shared: tuple[dict[str, float], float] = distributed.from_primary(figures)
        return shared
