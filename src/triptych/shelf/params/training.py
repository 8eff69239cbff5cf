"""How the detector is trained, and how its settings are searched."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
)

from triptych.parameters.base import Fraction, Params, Share, UnitInterval
from triptych.shelf.params.detector import DetectorParams
from triptych.tuning.params import SearchParams, Tuned

ScaleFactor = Annotated[float, Field(ge=0.1, le=4)]


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
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto`: bfloat16 where the processor or GPU has it, float16 on other GPUs."""
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


_FIGURES = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large", "ar_1", "ar_10", "ar_100")
_REPORTED = {"max": tuple(f"{kind}.{figure}" for kind in ("box", "mask") for figure in _FIGURES)}


class DetectorSearchParams(SearchParams):
    """Search for the settings of detector and training; the budget is epochs."""

    searched = (DetectorParams, TrainingParams)
    reported = _REPORTED
