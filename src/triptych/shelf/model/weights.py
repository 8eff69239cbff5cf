"""Build a detector for the weights that it starts from, and put them into it, or say what does not fit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from triptych import distributed
from triptych.shelf.model.architecture import Architecture
from triptych.shelf.model.detector import build_detector
from triptych.shelf.model.pretrained import Pretrained, read_pretrained
from triptych.shelf.params import DetectorParams

_logger = logging.getLogger(__name__)
_BODY, _MASKS = "backbone.body.", "roi_heads.mask_"
_OF_CATEGORIES = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")
_SCORES = "roi_heads.box_predictor.cls_score.bias"
# What must not be left aside without a word; a mask head is where boxes alone are learnt.
_NEEDED = ("backbone.", "rpn.", "roi_heads.box_")
_COUNTERS = "num_batches_tracked"
_MOST_NAMED = 6
_NAMES = {"group": "group normalisation", "batch": "batch normalisation", "frozen": "running statistics"}


def start_detector(params: DetectorParams, categories: int, masks: bool, seed: int) -> FasterRCNN:
    """Build the detector that training starts with, on every rank; the first one alone reads weights.

    Args:
        params: Its settings.
        categories: Number of kinds of objects, without the background.
        masks: Whether it finds masks besides boxes.
        seed: Of what starts at random.

    Raises:
        ValueError: If the weights do not fit the detector; the message says which settings they need.
    """
    pretrained = read_pretrained(params) if distributed.is_primary() else None
    chosen = choose_architecture(params, pretrained) if distributed.is_primary() else None
    architecture: Architecture = distributed.from_primary(chosen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = build_detector(params, categories, masks, architecture)
    if pretrained is not None:  # the other ranks get the same by DistributedDataParallel
        load_weights(detector, params, pretrained)
    return detector


def choose_architecture(params: DetectorParams, pretrained: Pretrained | None) -> Architecture:
    """Choose how a detector is normalised and which heads it has: as its weights have it.

    Raises:
        ValueError: If the settings want a normalisation that what the weights know is worth nothing with.
    """
    if pretrained is None:
        return Architecture("group" if params.norm == "auto" else params.norm)
    found = pretrained.architecture
    if params.norm in ("auto", found.norm):
        return found
    if "group" in (params.norm, found.norm):
        raise ValueError(
            f"weights {params.weights} come with {_NAMES[found.norm]}, which detector.norm: {params.norm} has no use "
            "for: set detector.norm: auto"
        )
    # Statistics both ways, which learn on or do not.
    return replace(found, norm="batch" if params.norm == "batch" else "frozen")


def load_weights(detector: FasterRCNN, params: DetectorParams, pretrained: Pretrained) -> None:
    """Put weights into a detector; what depends on the categories stays random where these are others.

    Args:
        detector: Built with `params` and the weights' architecture.
        params: Named in errors.
        pretrained: The weights.

    Raises:
        ValueError: If some are missing, of another shape, or would not be used.
    """
    own, weights = detector.state_dict(), pretrained.tensors
    usable = {name: value for name, value in weights.items() if name in own}
    for name in [name for name in usable if name.startswith(_OF_CATEGORIES)]:
        if pretrained.are_categories_other or usable[name].shape != own[name].shape:
            del usable[name]
    problems = list(_find_problems(own, usable, pretrained))
    if problems:
        settings = "; ".join(_suggest_settings(params, weights))
        cure = f": set {settings}" if settings else ""
        more = f" and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        shown = "; ".join(problems[:_MOST_NAMED])
        raise ValueError(f"weights {params.weights} do not fit the detector{cure}. {shown}{more}")
    detector.load_state_dict({**own, **usable})
    _log_start(params, own, usable, weights)


def _log_start(
    params: DetectorParams, own: dict[str, Tensor], usable: dict[str, Tensor], weights: dict[str, Tensor]
) -> None:
    _logger.info("Starting from %s: %d of %d tensors", params.weights, len(usable), len(own))
    if _SCORES in weights and _SCORES not in usable:
        counts = [len(scores[_SCORES]) - 1 for scores in (own, weights)]
        fresh = "The layers that name categories begin at random, as there are %d categories and in the weights %d"
        _logger.info(fresh, *counts)


def _find_problems(own: dict[str, Tensor], usable: dict[str, Tensor], pretrained: Pretrained) -> Iterator[str]:
    for name in sorted(pretrained.tensors.keys() - own.keys()):
        if name.startswith(_NEEDED) and not name.endswith(_COUNTERS):
            yield f"{name} is not used"
    for name in own:
        needed = name.startswith(_BODY) if pretrained.is_backbone else not name.startswith((*_OF_CATEGORIES, _MASKS))
        if needed and name not in usable and not name.endswith(_COUNTERS):
            yield f"{name} is missing"
    for name, value in usable.items():
        if value.shape != own[name].shape:
            yield f"{name} is {tuple(value.shape)}, the detector's {tuple(own[name].shape)}"
        elif not value.isfinite().all():
            yield f"{name} has values that are no numbers: the training that wrote it had failed"


def _suggest_settings(params: DetectorParams, weights: dict[str, Tensor]) -> Iterator[str]:
    """Read off the shapes which settings the weights were trained with, where they are others than `params`."""
    found: dict[str, object] = {}
    if (backbone := _tell_backbone(weights)) is not None:
        found["backbone"] = backbone
    if (pyramid := weights.get("backbone.fpn.inner_blocks.0.0.weight")) is not None:
        found["fpn_channels"] = len(pyramid)
    if (scores := weights.get("roi_heads.box_predictor.cls_score.weight")) is not None:
        found["box_head_width"] = scores.shape[1]
    mask_head = [weights.get(f"roi_heads.mask_head.{number}.0.weight") for number in range(16)]
    if mask_head[0] is not None:
        found["mask_head_channels"] = tuple(len(layer) for layer in mask_head if layer is not None)
    for name, value in found.items():
        if getattr(params, name) != value:
            yield f"detector.{name}: {list(value) if isinstance(value, tuple) else value}"
    anchors = weights.get("rpn.head.cls_logits.bias")
    if anchors is not None and len(anchors) != len(params.anchor_sizes[0]) * len(params.aspect_ratios):
        yield f"detector.anchor_sizes and aspect_ratios for {len(anchors)} anchors a place (sizes times ratios)"


# Blocks of the third layer, and whether they have three convolutions (He and others, Deep Residual Learning, 2015).
_BACKBONES = {(2, False): "resnet18", (6, False): "resnet34", (6, True): "resnet50", (23, True): "resnet101"}


def _tell_backbone(weights: dict[str, Tensor]) -> str | None:
    blocks = {name.split(".")[3] for name in weights if name.startswith(f"{_BODY}layer3.")}
    return _BACKBONES.get((len(blocks), f"{_BODY}layer1.0.conv3.weight" in weights))
