"""Read weights to start from: torchvision's, a model of ours, or a file of someone else's."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from triptych.shelf.model.architecture import Architecture, infer_architecture
from triptych.shelf.model.files import DESCRIPTION, WEIGHTS, read_architecture, read_params
from triptych.shelf.params import NAMED_WEIGHTS, DetectorParams
from triptych.storage.local_files import hash_file

Anchors = tuple[tuple[tuple[int, ...], ...], tuple[float, ...]]
"""Sizes by level, and ratios of height to width."""

_BODY = "backbone.body."
_PUBLISHED: Anchors = (((32,), (64,), (128,), (256,), (512,)), (0.5, 1.0, 2.0))  # of torchvision's detectors
_CLASSIFIER = "fc."  # of a network that names whole images
_HOLDERS = ("model", "state_dict", "model_state_dict", "model_ema", "ema")  # a mean of weights if there is nothing else
# What DistributedDataParallel and torch's AveragedModel, torch.compile and Lightning put before each name.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


class Pretrained(NamedTuple):
    """Weights, and the detector that they are of.

    Attributes:
        tensors: By the names that a detector has for them.
        architecture: How that detector is built.
        is_backbone: Whether they are a backbone's only.
        are_categories_other: Whether their categories are others for sure, even where they are as many.
    """

    tensors: dict[str, Tensor]
    architecture: Architecture
    is_backbone: bool = False
    are_categories_other: bool = False


def read_pretrained(params: DetectorParams) -> Pretrained | None:
    """Read the weights that the settings name; None where training starts from nothing.

    Raises:
        ValueError: If they cannot be read.
    """
    if params.weights == "none":
        return None
    if params.weights in NAMED_WEIGHTS:
        return _name_tensors(_download(params))._replace(are_categories_other=True)
    return _read_path(Path(params.weights))


def read_anchors(params: DetectorParams) -> Anchors | None:
    """Give the anchors that a detector's weights have learnt to move; None where there are none, or a backbone's only.

    Raises:
        ValueError: If the weights cannot be read.
    """
    if params.weights in ("none", "IMAGENET"):
        return None
    path = Path(params.weights)
    if params.weights in NAMED_WEIGHTS or not path.exists():
        return _PUBLISHED
    description = (path if path.is_dir() else path.parent) / DESCRIPTION
    if description.is_file() and (path.is_dir() or path.name == WEIGHTS):
        own = read_params(json.loads(description.read_text(encoding="utf-8")))
        return own.anchor_sizes, own.aspect_ratios
    return None if _read_path(path).is_backbone else _PUBLISHED


def _download(params: DetectorParams) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights, MaskRCNN_ResNet50_FPN_Weights

    found: Any = {
        "COCO_V1": MaskRCNN_ResNet50_FPN_Weights.COCO_V1,
        "COCO_V2": MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
    }.get(params.weights)
    found = found or get_model_weights(params.backbone)["IMAGENET1K_V1"]
    weights: dict[str, Tensor] = found.get_state_dict(progress=False, check_hash=True)
    return weights


def _read_path(path: Path) -> Pretrained:
    """Read a model folder of ours, or a file with a state dict, bare or in a checkpoint of a training script."""
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        known = ", ".join(NAMED_WEIGHTS)
        raise ValueError(f"weights must be none, {known}, or the path of a checkpoint; there is no file {file}")
    found = _name_tensors(_read_tensors(file))
    description = file.with_name(DESCRIPTION)
    if file.name == WEIGHTS and description.is_file():
        content = json.loads(description.read_text(encoding="utf-8"))
        return found._replace(architecture=read_architecture(content, found.tensors))
    if _has_no_eps(found, file):
        return found._replace(architecture=replace(found.architecture, norm_eps=0.0))
    return found


def _read_tensors(file: Path) -> dict[str, Tensor]:
    try:
        # torchvision's training scripts put their arguments beside the tensors, which do nothing when they are read.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle raises anything
        raise ValueError(f"weights cannot be read from {file}, which must hold tensors only: {error}") from error
    for key in _HOLDERS:
        content = content.get(key, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"weights must be tensors by name (a state dict), {file} holds something else")
    return content


def _name_tensors(content: Mapping[str, Tensor]) -> Pretrained:
    """Give tensors the names that a detector has for them."""
    weights = {_unwrap(str(name)): value for name, value in content.items()}
    weights = {_OLD_NAMES.get(name, name): value for name, value in weights.items()}
    is_backbone = "conv1.weight" in weights and "layer1.0.conv1.weight" in weights
    if is_backbone:
        kept = {name: value for name, value in weights.items() if not name.startswith(_CLASSIFIER)}
        weights = {_BODY + name: value for name, value in kept.items()}
    return Pretrained(weights, infer_architecture(weights), is_backbone)


def _unwrap(name: str) -> str:
    while name.startswith(_WRAPPERS):
        name = name.partition(".")[2]
    return name


def _has_no_eps(found: Pretrained, file: Path) -> bool:
    """Tell whether a file is one of torchvision's first COCO files, whose variances are used without an epsilon.

    torchvision's `overwrite_eps` says so; the files are known by the hash that their names end in.
    """
    if found.is_backbone or found.architecture != Architecture("frozen"):
        return False
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, MaskRCNN_ResNet50_FPN_Weights

    published = (FasterRCNN_ResNet50_FPN_Weights.COCO_V1, MaskRCNN_ResNet50_FPN_Weights.COCO_V1)
    known = [str(weights.url).rpartition("-")[2].removesuffix(".pth") for weights in published]
    return hash_file(file).startswith(tuple(known))


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
