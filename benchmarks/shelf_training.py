"""Time training and inference of the shelf detector against torchvision's reference detection loop.

    python benchmarks/shelf_training.py                 # the defaults, bundled photos
    python benchmarks/shelf_training.py --preset paper  # ResNet-50-FPN in the paper's widths and sizes, for GPUs

Both sides train the same model (same settings, weights copied over) on the same photos with the same batch size, in
turns within one run. The reference is `train_one_epoch` and `evaluate` of torchvision's references/detection as
published: float32, contiguous memory, SGD with warm-up, a DataLoader of four workers that opens each JPEG with
Pillow, rasterises the polygons and flips; its `evaluate` sets one thread, so inference is also timed with all.
Neither side's first epoch counts.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.transforms import functional

from triptych.parallel import threaded_map
from triptych.shelf.data.ingest import ingest_folder
from triptych.shelf.data.splitting import split_photos_by_source
from triptych.shelf.devices import choose_device, limited_threads
from triptych.shelf.model.detector import build_detector
from triptych.shelf.model.prediction import LOOK_AHEAD, count_readers, predict_prepared, prepare_ingested
from triptych.shelf.params import LEVELS, DetectorParams, IngestParams, SplitParams, TrainingParams
from triptych.shelf.preparation.fitting import fit_detector
from triptych.shelf.preparation.learning_data import LearningData, prepare_data
from triptych.shelf.training.trainer import Trainer

SAMPLE = Path(__file__).parents[1] / "data" / "01_raw" / "shelf"
PAPER = {
    "backbone": "resnet50",
    "fpn_channels": 256,
    "box_head_width": 1024,
    "mask_head_channels": (256,) * 4,
    "rpn_proposals": 2000,
    "roi_batch": 512,
    "min_size_px": 800,
    "max_size_px": 1333,
    "anchor_sizes": ((32,), (64,), (128,), (256,), (512,)),
}
WORKERS = 4  # the reference script's default


class ReferencePhotos(Dataset[Any]):
    """Photos as the reference reads them: opened, rasterised and flipped each time they are asked for."""

    def __init__(self, photos: Path, images: list[dict[str, Any]], objects: list[list[dict[str, Any]]]) -> None:
        self.photos, self.images, self.objects = photos, images, objects

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        image, objects = self.images[number], self.objects[number]
        with Image.open(self.photos / "images" / image["file_name"]) as picture:
            pixels = functional.pil_to_tensor(picture.convert("RGB"))
        height, width = pixels.shape[1:]
        boxes = torch.as_tensor([item["bbox"] for item in objects], dtype=torch.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        masks = [_rasterise(item["segmentation"], height, width) for item in objects]
        stacked = torch.from_numpy(np.stack(masks)) if masks else torch.zeros((0, height, width), dtype=torch.uint8)
        if torch.rand(1) < 0.5:
            pixels, stacked = pixels.flip(2), stacked.flip(2)
            boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        labels = torch.as_tensor([item["category_id"] for item in objects], dtype=torch.int64)
        return functional.convert_image_dtype(pixels), {"boxes": boxes, "labels": labels, "masks": stacked}


def _rasterise(segmentation: Any, height: int, width: int) -> np.ndarray[Any, Any]:
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    mask: np.ndarray[Any, Any] = coco_mask.decode(segmentation)
    return mask


def build_reference(params: DetectorParams, categories: int) -> MaskRCNN:
    """Build the same network from torchvision's own parts alone."""
    ours = build_detector(params, categories, masks=True)
    sizes = params.anchor_sizes * (LEVELS if len(params.anchor_sizes) == 1 else 1)
    anchors = AnchorGenerator(sizes, (params.aspect_ratios,) * LEVELS)
    widths = params.mask_head_channels
    tops = [f"rpn_{step}_nms_top_n_{phase}" for step in ("pre", "post") for phase in ("train", "test")]
    model = MaskRCNN(
        ours.backbone,
        min_size=params.min_size_px,
        max_size=params.max_size_px,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(params.fpn_channels, anchors.num_anchors_per_location()[0]),
        rpn_nms_thresh=params.rpn_nms_threshold,
        box_head=TwoMLPHead(params.fpn_channels * 49, params.box_head_width),
        box_predictor=FastRCNNPredictor(params.box_head_width, categories + 1),
        box_batch_size_per_image=params.roi_batch,
        box_score_thresh=params.score_threshold,
        box_nms_thresh=params.nms_threshold,
        box_detections_per_img=params.max_detections,
        mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], params.mask_pool_px, sampling_ratio=2),
        mask_head=MaskRCNNHeads(params.fpn_channels, widths, dilation=1),
        mask_predictor=MaskRCNNPredictor(widths[-1], min(widths[-1], 256), categories + 1),
        **dict.fromkeys(tops, params.rpn_proposals),
    )
    model.load_state_dict(ours.state_dict())
    return model


def train_one_epoch(
    model: MaskRCNN, optimizer: Any, loader: Any, device: torch.device, first: bool, autocast: bool
) -> float:
    """Train for an epoch as references/detection/engine.py does, with or without `--amp`; give images a second."""
    model.train()
    scheduler = None
    if first:
        steps = min(1000, len(loader) - 1)
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 1000, total_iters=max(steps, 1))
    start, images = time.perf_counter(), 0
    for batch in loader:
        pixels = [image.to(device) for image, _ in batch]
        targets = [{key: value.to(device) for key, value in target.items()} for _, target in batch]
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            losses = model(pixels, targets)
            loss = sum(losses.values())
        if not np.isfinite(loss.item()):
            raise SystemExit(f"the reference's loss is {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        images += len(batch)
    return images / (time.perf_counter() - start)


@torch.inference_mode()
def infer_as_reference(model: MaskRCNN, data: Dataset[Any], device: torch.device) -> float:
    """Predict photo by photo as the reference's `evaluate` does, masks to RLE; give images a second."""
    model.eval()
    loader = DataLoader(data, batch_size=1, num_workers=WORKERS, collate_fn=list)
    start, images = time.perf_counter(), 0
    for batch in loader:
        for found in model([image.to(device) for image, _ in batch]):
            for mask in found["masks"].cpu():
                coco_mask.encode(np.asfortranarray((mask[0, :, :, None] > 0.5).numpy(), dtype=np.uint8))
        images += len(batch)
    return images / (time.perf_counter() - start)


def time_inference(trainer: Trainer, photos: Any) -> float:
    """Read and predict all photos as shelf_score does; give images a second."""
    loaded = trainer.loaded(0.5, {})
    prepare = partial(prepare_ingested, photos.folder, params=loaded.params)
    start = time.perf_counter()
    with closing(threaded_map(prepare, photos.images, count_readers(), 4 * LOOK_AHEAD)) as images:
        count = sum(1 for _ in predict_prepared(loaded, images, 4, "auto"))
    return count / (time.perf_counter() - start)


def with_threads(count: int, function: Callable[[], float]) -> float:
    """Run with a number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return function()
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Time both sides in turns and print medians and ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, default=SAMPLE, help="folder of annotated photos")
    parser.add_argument("--preset", choices=["default", "paper"], default="default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--no-reference", action="store_true", help="time ours alone")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    params = DetectorParams(**(PAPER if arguments.preset == "paper" else {}))
    training = TrainingParams(batch_size=arguments.batch_size, epochs=arguments.rounds + 1, evaluate_every_epochs=10**6)
    with tempfile.TemporaryDirectory() as folder, limited_threads() as threads:
        data = prepare(arguments.raw, Path(folder), params)
        params, _ = fit_detector(params, training, data.learnt)
        trainer = Trainer(data, params, training)
        reference = None if arguments.no_reference else Reference(data, trainer, Path(folder), params, training)
        result = take_turns(trainer, data, reference, arguments.rounds) | {"threads": threads}
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


def prepare(raw: Path, photos: Path, params: DetectorParams) -> LearningData:
    """Ingest and divide as the pipeline does."""
    annotations, _, _ = ingest_folder(raw, IngestParams(), photos)
    roles, _ = split_photos_by_source(photos, annotations, SplitParams(validation_share=0.2))
    return prepare_data(photos, annotations, roles, params)


class Reference:
    """The reference's model with the weights that ours begins with, its data and its optimiser."""

    def __init__(
        self, data: LearningData, trainer: Trainer, photos: Path, params: DetectorParams, training: TrainingParams
    ) -> None:
        self.device = choose_device()
        self.model = build_reference(params, len(data.categories)).to(self.device)
        trainer.detector.load_state_dict(self.model.state_dict())
        learnt = ReferencePhotos(photos, data.learnt.images, data.learnt.objects)
        self.judged = ReferencePhotos(photos, data.judged.images, data.judged.objects)
        sampler = BatchSampler(RandomSampler(learnt), training.batch_size, drop_last=True)
        self.loader = DataLoader(learnt, batch_sampler=sampler, num_workers=WORKERS, collate_fn=list)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.02 / 8, momentum=0.9, weight_decay=1e-4)

    def train(self, first: bool, autocast: bool) -> float:
        """Train for an epoch; give images a second."""
        return train_one_epoch(self.model, self.optimizer, self.loader, self.device, first=first, autocast=autocast)

    def time_inference(self, weights: dict[str, torch.Tensor]) -> dict[str, float]:
        """Predict with weights, with one thread and with all; give images a second."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(weights)
        return {
            "infer_reference": with_threads(1, lambda: infer_as_reference(model, self.judged, self.device)),
            "infer_reference_all_threads": infer_as_reference(model, self.judged, self.device),
        }


def take_turns(trainer: Trainer, data: LearningData, reference: Reference | None, rounds: int) -> dict[str, Any]:
    """Train and predict in turns; the first does not count."""
    device = choose_device()
    series: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        speeds: dict[str, float] = {}
        if reference:
            speeds["train_reference"] = reference.train(first=turn == 0, autocast=False)
            speeds["train_reference_autocast"] = reference.train(first=False, autocast=True)
        trainer.run_epoch(0, rounds + 1)
        speeds |= {"train_ours": trainer.rows[-1]["images_per_s"], "infer_ours": time_inference(trainer, data.judged)}
        speeds |= reference.time_inference(trainer.averaged.state_dict()) if reference else {}
        print({name: round(value, 2) for name, value in speeds.items()}, flush=True)
        for name, value in speeds.items() if turn else ():
            series[name].append(value)
    medians = {name: statistics.median(values) for name, values in series.items()}
    ratios = {
        "train_ratio": ("train_ours", "train_reference"),
        "train_ratio_autocast": ("train_ours", "train_reference_autocast"),
        "infer_ratio": ("infer_ours", "infer_reference"),
        "infer_ratio_all_threads": ("infer_ours", "infer_reference_all_threads"),
    }
    return {
        "images_per_s": medians,
        "ranges": {name: [min(values), max(values)] for name, values in series.items()},
        **{name: medians[a] / medians[b] for name, (a, b) in ratios.items() if b in medians},
        "waiting_share": trainer.rows[-1]["waiting_share"],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }


if __name__ == "__main__":
    main()
