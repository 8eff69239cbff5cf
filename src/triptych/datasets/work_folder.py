"""A folder in which a node keeps what has to survive an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class WorkFolderDataset(AbstractDataset[NoReturn, Path]):
    """A folder that is there when it is asked for; the node that loads it reads and writes in it.

    Args:
        filepath: The folder.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Create the folder if need be, and return its path."""
        self._filepath.mkdir(parents=True, exist_ok=True)
        return self._filepath

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - never asked for
        """Refuse: a node writes into the folder itself."""
        raise DatasetError(f"{self._filepath} is the work folder of a node: make it the input of one, not the output")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
