"""Settings that go together, under one name."""

from __future__ import annotations

from typing import Any, TypeVar

from triptych.parameters.base import Params
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.tuning.best import pick_fields

_Block = TypeVar("_Block", bound=Params)

_NOTHING = "none"
_PLACES = {"num_nodes", "processes_per_node", "loader_workers", "cache_mb", "backend", "resume", "tuned", "log_every_s"}
PRESETS: dict[str, dict[str, Any]] = {
    # What conf/base has, whatever the environment sets: small pictures, minutes on two cores.
    "sample": {
        name: field.default
        for block in (DetectorParams, TrainingParams)
        for name, field in block.model_fields.items()
        if name not in _PLACES
    },
    # Photos of a phone on a processor or one small GPU.
    "small": {
        "backbone": "resnet18",
        "fpn_channels": 128,
        "box_head_width": 512,
        "mask_head_channels": (128, 128),
        "rpn_proposals": 300,
        "roi_batch": 128,
        "min_size_px": 512,
        "max_size_px": 896,
        "anchor_sizes": ((32,), (64,), (128,), (256,), (512,)),
        "aspect_ratios": (0.5, 1.0, 2.0),
        "epochs": 30,
        "batch_size": 4,
        "learning_rate": 1e-3,
    },
    # He and others, Mask R-CNN, 2017, in torchvision's sizes and from its weights, fine-tuned: for GPUs.
    "paper": {
        "backbone": "resnet50",
        "weights": "COCO_V1",
        "fpn_channels": 256,
        "box_head_width": 1024,
        "mask_head_channels": (256,) * 4,
        "rpn_proposals": 1000,
        "roi_batch": 512,
        "min_size_px": 800,
        "max_size_px": 1333,
        "anchor_sizes": ((32,), (64,), (128,), (256,), (512,)),
        "aspect_ratios": (0.5, 1.0, 2.0),
        "epochs": 26,
        "batch_size": 8,
        "learning_rate": 2e-4,
    },
}
"""Values by the name of the preset and of the field; each field is of the detector or of its training."""


def apply_preset(detector: DetectorParams, training: TrainingParams) -> tuple[DetectorParams, TrainingParams]:
    """Put a preset's values in the place of settings that nobody set explicitly; they then count as set explicitly.

    Args:
        detector: `preset` in it names the preset.
        training: How it is trained.

    Returns:
        Both, with nothing left to a preset.

    Raises:
        ValueError: If what is set explicitly does not go with the preset.
    """
    if detector.preset == _NOTHING:
        return detector, training
    values = PRESETS[detector.preset]
    return _fill(detector, values | {"preset": _NOTHING}, {"preset"}), _fill(training, values, set())


def _fill(block: _Block, values: dict[str, Any], always: set[str]) -> _Block:
    taken = {
        name: value
        for name, value in pick_fields(block, values).items()
        if name in always or name not in block.model_fields_set
    }
    return block.replace(**taken)
