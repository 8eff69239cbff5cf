"""Typed parameters of the shelf workload: one frozen dataclass a block of `parameters.yml`."""

import re
from dataclasses import dataclass
from typing import Literal

from triptych.parameters.by_name import ReadByName
from triptych.parameters.ranges import check, check_at_least, check_model_name, check_share, check_within
from triptych.tuning.params import SearchParams

LEVELS = 5
"""Feature maps of torchvision's FPN, strides 4, 8, 16, 32 and 64."""


@dataclass(frozen=True)
class IngestParams:
    """What is read from the folder of photos."""

    annotations: Literal["auto", "voc", "coco"] = "auto"
    """Annotations to read; `auto` reads both, and a photo that has both keeps those in COCO format (with masks)."""
    categories: tuple[str, ...] = ()
    """Names of the objects to find; none: every name found."""
    min_box_px: float = 2.0
    """Refuse boxes narrower or lower than this."""
    max_pixels: int = 100_000_000
    """Quarantine photos with more pixels: such a file may be a trap. Pillow opens at most 178,956,970."""
    workers: int = 0
    """Processes that read photos; 0 takes every core."""

    def __post_init__(self) -> None:
        check(self.min_box_px > 0, f"min_box_px must be above 0, got {self.min_box_px}")
        check_within(1, 178_956_970, max_pixels=self.max_pixels)
        check_at_least(0, workers=self.workers)


@dataclass(frozen=True)
class SplitParams:
    """How photos are divided into training, validation and test."""

    validation_share: float = 0.2
    """Share of photos for choosing the epoch and the settings."""
    test_share: float = 0.2
    """Share of photos that are looked at once, for the report."""
    duplicate_distance: int = 6
    """Photos whose 64-bit difference hashes differ in at most this many bits stay together; -1: never."""
    source_pattern: str = ""
    """Regular expression; photos whose names match it with the same first group, in parentheses, stay together."""
    seed: int = 0
    """Seed of the division."""

    def __post_init__(self) -> None:
        check_share("validation_share", self.validation_share, zero=False)
        check_share("test_share", self.test_share, zero=False)
        both = self.validation_share + self.test_share
        check(both < 1, f"validation_share and test_share must leave photos for training, got {both:g} together")
        check_within(-1, 32, duplicate_distance=self.duplicate_distance)
        check(
            not self.source_pattern or _count_groups(self.source_pattern) > 0,
            f"source_pattern must be a regular expression with a group in parentheses, got {self.source_pattern!r}",
        )
        check_at_least(0, seed=self.seed)


def _count_groups(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error:
        return 0


@dataclass(frozen=True)
class DetectorParams:
    """The model: torchvision's Mask R-CNN, or Faster R-CNN where the data has boxes only."""

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet18"
    """Backbone under the feature pyramid."""
    weights: str = "none"
    """Weights to start from: `none`, `COCO_V1` (torchvision's; downloaded once), or the path of a checkpoint."""
    norm: Literal["auto", "group", "batch", "frozen"] = "auto"
    """Normalisation in the backbone; `auto`: `frozen` (as pretrained) for COCO_V1, else `group`."""
    masks: Literal["auto", "on", "off"] = "auto"
    """Train masks; `auto` does so if every object that is trained on has one."""
    fpn_channels: int = 64
    """Channels of the feature pyramid (256 in the paper)."""
    box_head_width: int = 256
    """Width of the box head's two layers (1024 in the paper)."""
    mask_head_channels: tuple[int, ...] = (64, 64)
    """Channels of the mask head's convolutions (four of 256 in the paper)."""
    mask_pool_px: int = 14
    """Size of the features pooled for a mask; the mask has twice that."""
    anchor_sizes: tuple[tuple[int, ...], ...] = ((16,), (32,), (64,), (128,), (256,))
    """Anchor sizes in pixels: one set for each of the five levels, or a single one for all of them."""
    aspect_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Anchor heights over widths."""
    rpn_nms_threshold: float = 0.7
    """Overlap (IoU) above which the weaker of two proposals goes."""
    rpn_proposals: int = 200
    """Proposals kept a photo (torchvision: 2000 in training, 1000 after)."""
    roi_batch: int = 64
    """Proposals a photo that the heads learn from (torchvision: 512)."""
    nms_threshold: float = 0.5
    """Overlap (IoU) above which the weaker of two detections goes."""
    score_threshold: float = 0.05
    """Detections with a lower score are left out."""
    max_detections: int = 100
    """Most detections a photo."""
    min_size_px: int = 256
    """Length to which the shorter side is scaled ..."""
    max_size_px: int = 448
    """... unless the longer one would exceed this."""

    def __post_init__(self) -> None:
        check_at_least(8, fpn_channels=self.fpn_channels, box_head_width=self.box_head_width)
        check_at_least(1, rpn_proposals=self.rpn_proposals, roi_batch=self.roi_batch, mask_pool_px=self.mask_pool_px)
        check_at_least(1, max_detections=self.max_detections)
        check(min(self.mask_head_channels, default=0) >= 1, "mask_head_channels must name at least one width, above 0")
        check(
            len(self.anchor_sizes) in (1, LEVELS) and all(self.anchor_sizes),
            f"anchor_sizes must have 1 or {LEVELS} sets of sizes, got {len(self.anchor_sizes)} (none empty)",
        )
        counts = {len(sizes) for sizes in self.anchor_sizes}
        check(len(counts) == 1, f"anchor_sizes must have equally many sizes in each set, got {sorted(counts)}")
        check(min(min(sizes) for sizes in self.anchor_sizes) >= 1, "anchor_sizes must be at least 1 pixel")
        check(min(self.aspect_ratios, default=0) > 0, "aspect_ratios must name at least one ratio, above 0")
        check_within(0, 1, rpn_nms_threshold=self.rpn_nms_threshold, nms_threshold=self.nms_threshold)
        check_share("score_threshold", self.score_threshold)
        check_at_least(32, min_size_px=self.min_size_px)
        check(self.max_size_px >= self.min_size_px, f"max_size_px must be at least min_size_px, got {self.max_size_px}")


@dataclass(frozen=True)
class AugmentationParams:
    """How training photos are varied."""

    flip: float = 0.5
    """Probability of mirroring left and right."""
    scale: tuple[float, float] = (0.8, 1.2)
    """Range of the factor by which a photo is enlarged; a larger one is cropped, a smaller one padded."""
    colour: float = 0.2
    """Strength of changes in brightness, contrast and saturation; 0: none."""

    def __post_init__(self) -> None:
        check_within(0, 1, flip=self.flip, colour=self.colour)
        low, high = self.scale
        check(0.1 <= low <= high <= 4, f"scale must be two factors in [0.1, 4], the smaller first, got {self.scale}")


@dataclass(frozen=True)
class TrainingParams(ReadByName):
    """How the detector is trained."""

    epochs: int = 20
    """Passes over the training photos."""
    batch_size: int = 4
    """Photos a step, over all ranks together."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum 0.9 (the reference's)."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    weight_decay: float = 1e-4
    """Decay of the weights, not of biases and normalisation."""
    schedule: Literal["one_cycle", "step"] = "one_cycle"
    """`one_cycle`: warm-up, then down to nothing by a cosine; `step`: warm-up, then a tenth after 2/3 and 8/9."""
    warmup_share: float = 0.1
    """Share of the steps over which the learning rate rises."""
    clip_norm: float = 5.0
    """Largest norm of the gradient; 0: no limit."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto`: bfloat16 where the processor or GPU has it."""
    channels_last: bool = True
    """Keep images as NHWC in memory, which convolutions in bfloat16 like."""
    evaluate_every_epochs: int = 5
    """Epochs between validations; the last epoch is always validated."""
    loader_workers: int = -1
    """Processes that load photos; -1: chosen from the cores and the device."""
    cache_mb: int = 2048
    """Memory for decoded photos, scaled to the size of training; what does not fit is decoded in every epoch."""
    num_nodes: int = 1
    """Nodes (on Azure ML) that share the training."""
    processes_per_node: int = 1
    """Processes on each of them: as many as it has GPUs."""
    backend: Literal["auto", "gloo", "nccl"] = "auto"
    """How ranks talk; `auto`: nccl with GPUs, gloo without."""
    tuned: bool = True
    """Let the best configuration that shelf_tune found go before these settings."""
    resume: bool = True
    """Go on from the checkpoint of an interrupted run with the same data and settings."""
    seed: int = 0
    """Seed of initial weights, order and augmentation."""
    augmentation: AugmentationParams = AugmentationParams()
    """How training photos are varied."""

    def __post_init__(self) -> None:
        check_at_least(1, epochs=self.epochs, batch_size=self.batch_size)
        check_at_least(1, num_nodes=self.num_nodes, processes_per_node=self.processes_per_node)
        check_at_least(1, evaluate_every_epochs=self.evaluate_every_epochs)
        check(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")
        check_at_least(0, weight_decay=self.weight_decay, clip_norm=self.clip_norm, seed=self.seed)
        check_share("warmup_share", self.warmup_share)
        check_at_least(-1, loader_workers=self.loader_workers)
        check_at_least(0, cache_mb=self.cache_mb)


@dataclass(frozen=True)
class EvaluationParams:
    """How the detector is judged and shown."""

    batch_size: int = 4
    """Photos a step."""
    iou_threshold: float = 0.5
    """Least overlap (IoU) of a detection with an object for it to count as found, in F1, counts and overlays."""
    overlays: int = 12
    """Photos in the report, those with most mistakes first."""
    bootstrap_samples: int = 1000
    """Resamples of the test photos for the 95 % interval of the advantage over the promoted version."""
    seed: int = 0
    """Seed of the resampling."""

    def __post_init__(self) -> None:
        check_at_least(1, batch_size=self.batch_size, overlays=self.overlays, bootstrap_samples=self.bootstrap_samples)
        check_at_least(0, seed=self.seed)
        check_share("iou_threshold", self.iou_threshold, zero=False)


@dataclass(frozen=True)
class ScoringParams:
    """How new photos are scored."""

    batch_size: int = 4
    """Photos a step."""
    score_threshold: float = 0.0
    """Detections with a lower score are left out; 0: the threshold with the best F1 on the validation photos."""
    overlays: bool = True
    """Draw a picture for each photo."""
    max_pixels: int = 100_000_000
    """Reject photos with more pixels. Pillow opens at most 178,956,970."""

    def __post_init__(self) -> None:
        check_at_least(1, batch_size=self.batch_size)
        check_within(1, 178_956_970, max_pixels=self.max_pixels)
        check_share("score_threshold", self.score_threshold)


@dataclass(frozen=True)
class RegistrationParams:
    """How the detector becomes a version in the model registry, and when that version is promoted."""

    name: str = "shelf-detector"
    """Name in the registry: letters, digits, `-`, `_`, `.`."""
    metric: Literal["box.map", "box.map_50", "box.map_75"] = "box.map"
    """Compared with the promoted version's, over all test photos."""
    min_advantage: float = 0.0
    """Promote if the whole 95 % interval of the advantage is above this; below 0 lets equally good ones pass."""

    def __post_init__(self) -> None:
        check_model_name(self.name)
        check_within(-1, 1, min_advantage=self.min_advantage)


@dataclass(frozen=True)
class DetectorSearchParams(SearchParams):
    """Search for the settings of detector and training; the budget is epochs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_names(DetectorParams, TrainingParams)
