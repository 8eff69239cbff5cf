"""The trained detector as a folder: its weights, and everything needed to build it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from triptych import __version__
from triptych.drift.versions import number_model
from triptych.shelf.model.architecture import Architecture, describe_architecture, infer_architecture
from triptych.shelf.model.detector import build_detector
from triptych.shelf.params import DetectorParams
from triptych.storage.local_files import hash_file

WEIGHTS = "weights.pt"
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class LoadedDetector:
    """A detector and what belongs to it.

    Attributes:
        model: torchvision's, in evaluation mode.
        categories: Names of what it finds, in the order of their ids, which begin with 1.
        masks: Whether it finds masks.
        score_threshold: From which score on detections are believed: chosen by F1 on the validation photos.
        params: Its settings.
        info: Epoch, validation metrics, versions.
    """

    model: FasterRCNN
    categories: tuple[str, ...]
    masks: bool
    score_threshold: float
    params: DetectorParams
    info: dict[str, Any]


def save_model(folder: Path, detector: LoadedDetector) -> None:
    """Write a detector.

    Args:
        folder: Where to; exists.
        detector: What to write.
    """
    # Named tensors in one piece each, so that nothing of a larger storage is written along.
    weights = {name: value.detach().cpu().clone() for name, value in detector.model.state_dict().items()}
    torch.save(weights, folder / WEIGHTS)
    description = {
        "params": describe_params(detector.params),
        "architecture": asdict(describe_architecture(detector.model)),
        "categories": list(detector.categories),
        "masks": detector.masks,
        "score_threshold": detector.score_threshold,
        **detector.info,
        "versions": {"triptych": __version__} | {name: version(name) for name in ("torch", "torchvision")},
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")


def read_labels(folder: Path) -> tuple[tuple[str, ...], float]:
    """Read the names of what a detector finds, and its score threshold, without its weights.

    Raises:
        ValueError: If it is no folder of a detector.
    """
    if not (folder / DESCRIPTION).is_file():
        raise ValueError(f"{folder} is no model: {DESCRIPTION} and {WEIGHTS} should be in it")
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return tuple(description["categories"]), float(description["score_threshold"])


def number_detector(folder: Path) -> int:
    """Give the number of the detector in a folder, as `number_model`: that of its weights and its threshold."""
    return number_model(hash_file(folder / WEIGHTS).encode(), str(read_labels(folder)[1]).encode())


def load_model(folder: Path) -> LoadedDetector:
    """Read a detector.

    Args:
        folder: What `save_model` wrote.

    Raises:
        ValueError: If it is no such folder, or weights and description do not fit.
    """
    if not (folder / DESCRIPTION).is_file() or not (folder / WEIGHTS).is_file():
        raise ValueError(f"{folder} is no model: {DESCRIPTION} and {WEIGHTS} should be in it")
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    params = read_params(description)
    categories = tuple(description["categories"])
    weights = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
    architecture = read_architecture(description, weights)
    model = build_detector(params, len(categories), description["masks"], architecture)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{folder / WEIGHTS} does not fit {DESCRIPTION} beside it: {error}") from error
    known = {"params", "architecture", "categories", "masks", "score_threshold"}
    info = {key: value for key, value in description.items() if key not in known}
    return LoadedDetector(model.eval(), categories, description["masks"], description["score_threshold"], params, info)


def describe_params(params: DetectorParams) -> dict[str, Any]:
    """Give the settings of a model as its description has them: what a preset has come to, not its name."""
    return params.model_dump(exclude={"preset"})


def read_params(description: dict[str, Any]) -> DetectorParams:
    """Read the settings out of a model's description.

    Raises:
        ValueError: If they are not those of a detector.
    """
    try:
        return DetectorParams.read(description.get("params"), "params")
    except ValueError as error:
        raise ValueError(f"{DESCRIPTION} is of another version: {error}") from error


def read_architecture(description: dict[str, Any], weights: Mapping[str, Tensor]) -> Architecture:
    """Read how a model is built out of its description; older ones leave it to the names of the weights.

    Raises:
        ValueError: If it is nothing that is known.
    """
    if "architecture" not in description:
        return infer_architecture(weights)
    try:
        return Architecture(**description["architecture"])
    except TypeError as error:
        raise ValueError(f"{DESCRIPTION} is of another version: {error}") from error


def load_detector(model: Path) -> LoadedDetector:
    """Load a detector onto the device that computes, its weights as convolutions like them (NHWC)."""
    from triptych.shelf.devices import choose_device

    detector = load_model(model)
    detector.model.to(choose_device(), memory_format=torch.channels_last)
    return detector
