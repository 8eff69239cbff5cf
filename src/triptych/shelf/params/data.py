"""What is read from the folder of photos, how photos are divided, and what is checked."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationInfo, field_validator

from triptych.parameters.base import Fraction, OpenShare, Params

PillowPixels = Annotated[int, Field(ge=1, le=178_956_970)]
"""As many as Pillow opens."""
AnnotationFormat = Literal["coco", "cvat", "labelme", "azureml", "yolo", "createml", "voc"]


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
    follow_given: bool = True
    """Keep the roles that photos have already (folders `train`, `val` and `test`, `data.yaml`, CVAT's `subset`), and
    draw only what is missing; false draws all anew."""
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
