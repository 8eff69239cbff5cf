"""The detector that is promoted in the model registry, as a folder."""

from __future__ import annotations

from pathlib import Path

from triptych.registry import ModelRegistry
from triptych.shelf.evaluation.promotion import DETECTOR_FOLDER


def fetch_promoted(registry: ModelRegistry, name: str, folder: Path) -> Path:
    """Download the promoted detector.

    Args:
        registry: The model registry.
        name: Of the model.
        folder: Where to; exists.

    Raises:
        ValueError: If no version is promoted.
    """
    promoted = registry.find_promoted(name)
    if promoted is None:
        raise ValueError(f"no version of {name} is promoted: run shelf, or set export.source to trained")
    return promoted.download(DETECTOR_FOLDER, folder)
