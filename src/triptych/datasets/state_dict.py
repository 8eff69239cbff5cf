"""Weights of a network as PyTorch saves them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError

from triptych.storage.local_files import replace_file

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

        with replace_file(self._filepath) as part:
            torch.save(data, part)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
