"""What every model's papers have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import triptych
from triptych.registry.source_version import find_commit


def flatten_parameters(workload: str, **blocks: Any) -> dict[str, Any]:
    """Name every field of parameter blocks as kedro-mlflow does, `<workload>.<block>.<field>`."""
    return {
        f"{workload}.{name}.{field}": value
        for name, block in blocks.items()
        for field, value in dataclasses.asdict(block).items()
    }


def tag_version(data_fingerprint: str, figures: Mapping[str, float]) -> dict[str, str]:
    """Make the tags by which a version is told from others in the registry's list.

    Args:
        data_fingerprint: Of what it was trained on.
        figures: The metrics to show.
    """
    tags = {"data_fingerprint": data_fingerprint, "code": triptych.__version__}
    if commit := find_commit(Path(triptych.__file__).parent):
        tags["git_commit"] = commit
    return tags | {key: f"{value:.4f}" for key, value in figures.items()}
