"""Weights of a network as PyTorch saves them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    from torch import Tensor


class StateDictDataset(AbstractDataset[dict[str, "Tensor"], Path]):
    """A state dict: saved as a file that appears only when complete, loaded as its path.

    Args:
        filepath: The file.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, for whoever reads it with `weights_only=True`."""
        if not self._filepath.is_file():
            raise DatasetError(f"{self._filepath} is missing: run the step that trains it")
        return self._filepath

    def save(self, data: dict[str, Tensor]) -> None:
        """Write the weights."""
        import torch

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        part = self._filepath.with_name(f".{self._filepath.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            torch.save(data, part)
            part.replace(self._filepath)
        finally:
            part.unlink(missing_ok=True)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
