"""Parameters of the shelf workload: one model a block of `parameters.yml`."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from triptych.parameters.base import Fraction, ModelName, OpenShare, Params, Share, UnitInterval
from triptych.tuning.params import SearchParams, Tuned

NAMED_WEIGHTS = ("COCO_V1", "COCO_V2", "IMAGENET")
"""torchvision's: detectors of both kinds, trained on COCO, and backbones, trained on ImageNet."""
LEVELS = 5
"""Feature maps of torchvision's FPN, strides 4, 8, 16, 32 and 64."""
PillowPixels = Annotated[int, Field(ge=1, le=178_956_970)]
"""As many as Pillow opens."""
ScaleFactor = Annotated[float, Field(ge=0.1, le=4)]
Preset = Literal["sample", "small", "paper"]
AnnotationFormat = Literal["coco", "cvat", "labelme", "azureml", "yolo", "createml", "voc"]
AnchorSizes = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
_LEAST_SIDE_PX = 32


def _check_pattern(pattern: str) -> str:
    if pattern:
        try:
            groups = re.compile(pattern).groups
        except re.error:
            groups = 0
        if not groups:
            raise ValueError("must be a regular expression with a group in parentheses")
    return pattern


class IngestParams(Params):
    """What is read from the folder of photos."""

    annotations: Literal["auto"] | AnnotationFormat = "auto"
    """Annotations to read; `auto` reads all, and a photo that has several keeps those that can have masks."""
    categories: tuple[str, ...] = ()
    """Names of the objects to find; none: every name found."""
    min_box_px: PositiveFloat = 2.0
    """Refuse boxes narrower or lower than this."""
    max_pixels: PillowPixels = 100_000_000
    """Quarantine photos with more pixels: such a file may be a trap. Pillow opens at most 178,956,970."""
    workers: NonNegativeInt = 0
    """Processes that read photos; 0 takes every core."""


class SplitParams(Params):
    """How photos are divided into training, validation and test."""

    validation_share: OpenShare = 0.15
    """Share of photos for choosing the epoch and the settings."""
    test_share: OpenShare = 0.2
    """Share of photos that are looked at once, for the report."""
    duplicate_distance: Annotated[int, Field(ge=-1, le=32)] = 6
    """Photos whose 64-bit difference hashes differ in at most this many bits stay together; -1: never."""
    source_pattern: Annotated[str, AfterValidator(_check_pattern)] = ""
    """Regular expression; photos whose names match it with the same first group, in parentheses, stay together."""
    seed: NonNegativeInt = 0
    """Seed of the division."""

    @field_validator("test_share")
    @classmethod
    def _leave_photos_for_training(cls, value: float, info: ValidationInfo) -> float:
        if value + info.data.get("validation_share", 0) >= 1:
            raise ValueError("must leave photos for training: validation_share and test_share are below 1 together")
        return value


class CheckParams(Params):
    """What shelf_check takes for suspicious."""

    tiny_px: PositiveFloat = 8.0
    """Boxes whose shorter side is below this when the detector sees them; the finest features are 4 pixels apart."""
    huge_share: Fraction = 0.6
    """Boxes that cover more than this share of their photo."""
    largest_ratio: Annotated[float, Field(ge=1)] = 8.0
    """Boxes whose longer side is more than this many times the shorter one."""
    duplicate_iou: OpenShare = 0.8
    """Two boxes of a category on a photo whose overlap (IoU) is at least this."""
    sheet_photos: PositiveInt = 12
    """Most photos on the sheet of suspicious ones."""


class DetectorParams(Params):
    """The model: torchvision's Mask R-CNN, or Faster R-CNN where the data has boxes only."""

    preset: Literal["none"] | Preset = "none"
    """Settings of detector and training that go together, for all that is not set explicitly: `sample` (conf/base),
    `small`, `paper`."""
    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet18"
    """Backbone under the feature pyramid."""
    weights: str = "none"
    """Weights to start from: `none`; torchvision's `COCO_V1`, `COCO_V2` or `IMAGENET` (backbone only), downloaded
    once; or the path of such a file or of a model folder."""
    norm: Literal["auto", "group", "batch", "frozen"] = "auto"
    """Normalisation in the backbone; `auto`: as in the weights (`frozen` with running statistics), else `group`."""
    masks: Literal["auto", "on", "off"] = "auto"
    """Train masks, from the objects that have one; `auto` does so if any has."""
    fpn_channels: Annotated[int, Field(ge=8)] = 64
    """Channels of the feature pyramid (256 in the paper)."""
    box_head_width: Annotated[int, Field(ge=8)] = 256
    """Width of the box head's two layers (1024 in the paper)."""
    mask_head_channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    """Channels of the mask head's convolutions (four of 256 in the paper)."""
    mask_pool_px: PositiveInt = 14
    """Size of the features pooled for a mask; the mask has twice that."""
    anchor_sizes: tuple[AnchorSizes, ...] = ()
    """Anchor sizes in pixels: one set for each of the five levels, or a single one for all of them; none: from the
    data."""
    aspect_ratios: tuple[PositiveFloat, ...] = ()
    """Anchor heights over widths; none: three from the data."""
    rpn_nms_threshold: UnitInterval = 0.7
    """Overlap (IoU) above which the weaker of two proposals goes."""
    rpn_proposals: PositiveInt = 200
    """Proposals kept a photo (torchvision: 2000 in training, 1000 after)."""
    roi_batch: PositiveInt = 64
    """Proposals a photo that the heads learn from (torchvision: 512)."""
    nms_threshold: UnitInterval = 0.3
    """Overlap (IoU) above which the weaker of two detections goes."""
    score_threshold: Share = 0.05
    """Detections with a lower score are left out."""
    max_detections: PositiveInt = 100
    """Most detections a photo."""
    min_size_px: NonNegativeInt = 0
    """Length to which the shorter side is scaled; 0: from the data, as `training.object_px` says ..."""
    max_size_px: NonNegativeInt = 0
    """... unless the longer one would exceed this; 0: 1.75 times the shorter."""

    @field_validator("norm")
    @classmethod
    def _check_norm(cls, value: str, info: ValidationInfo) -> str:
        if value == "frozen" and info.data.get("weights") == "none":
            raise ValueError("must not be frozen without weights, as there are no statistics: set it to auto")
        return value

    @field_validator("anchor_sizes")
    @classmethod
    def _check_anchor_sizes(cls, value: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        if len(value) not in (0, 1, LEVELS):
            raise ValueError(f"must have 1 or {LEVELS} sets of sizes")
        if len({len(sizes) for sizes in value}) > 1:
            raise ValueError("must have equally many sizes in each set")
        return value

    @field_validator("min_size_px", "max_size_px")
    @classmethod
    def _check_least_size(cls, value: int) -> int:
        if 0 < value < _LEAST_SIDE_PX:
            raise ValueError(f"must be at least {_LEAST_SIDE_PX}, or 0 to choose it from the data")
        return value

    @field_validator("max_size_px")
    @classmethod
    def _check_max_size(cls, value: int, info: ValidationInfo) -> int:
        if 0 < value < info.data.get("min_size_px", 0):
            raise ValueError(f"must be at least min_size_px ({info.data['min_size_px']})")
        return value


class AugmentationParams(Params):
    """How training photos are varied."""

    flip: UnitInterval = 0.5
    """Probability of mirroring left and right."""
    scale: tuple[ScaleFactor, ScaleFactor] = (0.8, 1.2)
    """Range of the factor by which a photo is enlarged; a larger one is cropped, a smaller one padded."""
    colour: UnitInterval = 0.2
    """Strength of changes in brightness, contrast and saturation; 0: none."""
    rotation_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Largest angle by which a photo is turned, either way."""
    perspective: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    """Largest share by which edges are made longer on one side and shorter on the other."""
    degrade: UnitInterval = 0.0
    """Probability of a blur, and of the traces of a JPEG file of quality 30 to 94."""
    blur_px: NonNegativeFloat = 1.5
    """Largest deviation of that (Gaussian) blur."""

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("must be two factors, the smaller first")
        return value


class TrainingParams(Params):
    """How the detector is trained."""

    epochs: PositiveInt = 40
    """Passes over the training photos."""
    stop_at_map_50: Annotated[float, Field(gt=0, le=1)] = 0.98
    """End the training once a validation gives at least this box AP50, as there is little left to learn."""
    batch_size: PositiveInt = 2
    """Photos a step, over all ranks together."""
    object_px: PositiveFloat = 36.0
    """Where the photos' size is left to the data: size (root of the area) that half of the objects have at least."""
    budget_mpx: PositiveFloat = 2000.0
    """Megapixels that all epochs come to at most then; two cores learn from about one a second."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum 0.9 (the reference's)."""
    learning_rate: PositiveFloat = 1e-3
    """Highest learning rate."""
    weight_decay: NonNegativeFloat = 1e-4
    """Decay of the weights, not of biases and normalisation."""
    schedule: Literal["one_cycle", "step"] = "one_cycle"
    """`one_cycle`: warm-up, then down to nothing by a cosine; `step`: warm-up, then a tenth after 2/3 and 8/9."""
    warmup_share: Share = 0.1
    """Share of the steps over which the learning rate rises."""
    clip_norm: NonNegativeFloat = 5.0
    """Largest norm of the gradient; 0: no limit."""
    ema_decay: Share = 0.99
    """Decay of the mean of the weights that is validated and kept, at each step; 0: the weights of the last step."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto`: bfloat16 where the processor or GPU has it."""
    channels_last: bool = True
    """Keep images as NHWC in memory, which convolutions in bfloat16 like."""
    evaluate_every_epochs: PositiveInt = 4
    """Epochs between validations; the last epoch is always validated."""
    log_every_s: PositiveFloat = 60.0
    """Seconds between two lines of the log within an epoch."""
    loader_workers: Annotated[int, Field(ge=-1)] = -1
    """Processes that load photos; -1: chosen from the cores and the device."""
    cache_mb: NonNegativeInt = 2048
    """Disk of a machine (in `TMPDIR`) for photos and masks as they are learnt from, prepared once and mapped by all
    processes; with what is left, those of validation. What does not fit is prepared in every epoch."""
    num_nodes: PositiveInt = 1
    """Nodes (on Azure ML) that share the training."""
    processes_per_node: PositiveInt = 1
    """Processes on each of them: as many as it has GPUs."""
    backend: Literal["auto", "gloo", "nccl"] = "auto"
    """How ranks talk; `auto`: nccl with GPUs, gloo without."""
    tuned: Tuned = True
    """Let what shelf_tune found on the same data go before these settings, other than those that are set explicitly;
    `any_data`: on whatever data."""
    resume: bool = True
    """Go on from the state of an interrupted training with the same data and settings, or from one for fewer epochs."""
    checkpoint_share: Fraction = 0.05
    """Share of the time that saving such states may take; 1: one after every epoch."""
    checkpoint_days: PositiveFloat = 7.0
    """Days after which states that nobody has gone on from are removed."""
    seed: NonNegativeInt = 0
    """Seed of initial weights, order and augmentation."""
    augmentation: AugmentationParams = AugmentationParams()
    """How training photos are varied."""


class EvaluationParams(Params):
    """How the detector is judged and shown."""

    batch_size: PositiveInt = 4
    """Photos a step."""
    iou_threshold: OpenShare = 0.5
    """Least overlap (IoU) of a detection with an object for it to count as found, in F1, counts and overlays."""
    overlays: PositiveInt = 12
    """Photos in the report, those with most mistakes first."""
    bootstrap_samples: PositiveInt = 1000
    """Resamples of the test photos for the 95 % interval of the advantage over the promoted version."""
    seed: NonNegativeInt = 0
    """Seed of the resampling."""


class ScoringParams(Params):
    """How new photos are scored."""

    batch_size: PositiveInt = 4
    """Photos a step."""
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    """What runs the detector; `auto`: on a processor OpenVINO, where for so many photos it is measured to be quicker
    and to find the same."""
    num_nodes: PositiveInt = 1
    """Nodes (on Azure ML) that share the photos."""
    processes_per_node: PositiveInt = 1
    """Processes on each of them: as many as it has GPUs."""
    score_threshold: Share = 0.0
    """Detections with a lower score are left out; 0: the model's own threshold, chosen by F1 on validation photos."""
    overlays: bool = True
    """Draw a picture for each photo."""
    max_pixels: PillowPixels = 100_000_000
    """Reject photos with more pixels. Pillow opens at most 178,956,970."""


class ExportParams(Params):
    """What is exported for use without this project, and how far it may be from the detector."""

    source: Literal["trained", "promoted"] = "trained"
    """The detector that the last run of shelf has trained, or the promoted one of the registry."""
    formats: Annotated[tuple[Literal["onnx", "openvino"], ...], Field(min_length=1)] = ("onnx", "openvino")
    """Formats of the files."""
    photos: PositiveInt = 50
    """Test photos to check them on, at most."""
    least_score: OpenShare = 0.3
    """Detections with a lower score are not compared."""
    score_tolerance: OpenShare = 0.01
    """By which scores may differ."""
    box_tolerance_px: PositiveFloat = 1.0
    """By which edges of boxes may differ, in pixels of the photo as the detector sees it."""
    mask_tolerance: OpenShare = 0.05
    """How much less than whole the overlap (IoU) of masks may be."""


class RegistrationParams(Params):
    """How the detector becomes a version in the model registry, and when that version is promoted."""

    name: ModelName = "shelf-detector"
    """Name in the registry: letters, digits, `-`, `_`, `.`."""
    metric: Literal["box.map", "box.map_50", "box.map_75"] = "box.map"
    """Compared with the promoted version's, over all test photos."""
    min_advantage: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Promote if the whole 95 % interval of the advantage is above this; below 0 lets equally good ones pass."""


_FIGURES = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large", "ar_1", "ar_10", "ar_100")
_REPORTED = {"max": tuple(f"{kind}.{figure}" for kind in ("box", "mask") for figure in _FIGURES)}


class DetectorSearchParams(SearchParams):
    """Search for the settings of detector and training; the budget is epochs."""

    searched = (DetectorParams, TrainingParams)
    reported = _REPORTED
