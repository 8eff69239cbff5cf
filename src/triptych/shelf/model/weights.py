"""Weights to start from: torchvision's, a model of ours, or a checkpoint of someone else's."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from triptych.shelf.model.files import WEIGHTS
from triptych.shelf.params import DetectorParams

_logger = logging.getLogger(__name__)
_OF_CATEGORIES = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")
_MOST_NAMED = 6
_COCO_SETTINGS = (
    "backbone: resnet50, norm: frozen or auto, fpn_channels: 256, box_head_width: 1024, "
    "mask_head_channels: [256, 256, 256, 256], and 3 anchors a place (sizes times aspect ratios)"
)


def load_weights(detector: FasterRCNN, params: DetectorParams) -> None:
    """Put weights into a detector; what depends on the categories stays random where these are others.

    Args:
        detector: Built with `params`.
        params: `weights` says which.

    Raises:
        ValueError: If the weights do not fit the detector; the message says which settings they need.
    """
    if params.weights == "none":
        return
    weights = _read_coco() if params.weights == "COCO_V1" else _read_file(Path(params.weights))
    own = detector.state_dict()
    # A detector of boxes only leaves the mask head of the weights aside; counters are no weights.
    usable = {name: value for name, value in weights.items() if name in own}
    for name in list(usable):
        if usable[name].shape != own[name].shape and name.startswith(_OF_CATEGORIES):
            del usable[name]
    if params.weights == "COCO_V1":  # its 91 categories are never ours, even if as many
        usable = {name: value for name, value in usable.items() if not name.startswith(_OF_CATEGORIES)}
    _check_fit(params, own, usable)
    detector.load_state_dict({**own, **usable})
    _logger.info("Starting from %s: %d of %d tensors", params.weights, len(usable), len(own))


def _read_coco() -> dict[str, Tensor]:
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    weights: dict[str, Tensor] = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.get_state_dict(progress=False, check_hash=True)
    return weights


def _read_file(path: Path) -> dict[str, Tensor]:
    """Read a model folder of ours, or a file with a state dict, bare or under `model` or `state_dict`."""
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"weights must be none, COCO_V1, or the path of a checkpoint; there is no file {file}")
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle raises anything
        raise ValueError(f"weights cannot be read from {file}, which must hold tensors only: {error}") from error
    for key in ("model", "state_dict"):
        content = content.get(key, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"weights must be tensors by name (a state dict), {file} holds something else")
    # DistributedDataParallel puts its own name first.
    weights = {str(name).removeprefix("module."): value for name, value in content.items()}
    return {_OLD_NAMES.get(name, name): value for name, value in weights.items()}


# torchvision's layout before 0.13.
_OLD_NAMES = (
    {f"rpn.head.conv.{kind}": f"rpn.head.conv.0.0.{kind}" for kind in ("weight", "bias")}
    | {
        f"roi_heads.mask_head.mask_fcn{number}.{kind}": f"roi_heads.mask_head.{number - 1}.0.{kind}"
        for number in range(1, 9)
        for kind in ("weight", "bias")
    }
    | {
        f"backbone.fpn.{block}_blocks.{number}.{kind}": f"backbone.fpn.{block}_blocks.{number}.0.{kind}"
        for block in ("inner", "layer")
        for number in range(4)
        for kind in ("weight", "bias")
    }
)


def _check_fit(params: DetectorParams, own: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    missing = [
        name for name in own if name not in weights and not name.startswith((*_OF_CATEGORIES, "roi_heads.mask_"))
    ]
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    other = [
        f"{name} is {tuple(value.shape)}, the detector's {tuple(own[name].shape)}"
        for name, value in weights.items()
        if value.shape != own[name].shape
    ]
    problems = [f"{name} is missing" for name in missing] + other
    if not problems:
        return
    needed = f"; COCO_V1 needs {_COCO_SETTINGS}" if params.weights == "COCO_V1" else ""
    more = f" and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
    raise ValueError(
        f"weights {params.weights} do not fit the detector{needed}. {'; '.join(problems[:_MOST_NAMED])}{more}"
    )
