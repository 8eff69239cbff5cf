"""A folder in which a node keeps what has to survive an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from triptych.storage.blob_storage import is_remote, local_path
from triptych.storage.mirrors import mount


class WorkFolderDataset(AbstractDataset[NoReturn, Path]):
    """A folder that is there when it is asked for; the node that loads it reads and writes in it.

    On a cluster it lies in blob storage, and every process has a local folder that stands for it: see
    `triptych.storage.mirrors`, by which nodes say when a file is complete.

    Args:
        filepath: The folder: a path, or `abfs://container@account.dfs.core.windows.net/folder`.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> Path:
        """Create the folder if need be, and return its path, or that of the one that stands for it."""
        return mount(self._filepath)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - never asked for
        """Refuse: a node writes into the folder itself."""
        raise DatasetError(f"{self._filepath} is the work folder of a node: make it the input of one, not the output")

    def _exists(self) -> bool:
        return is_remote(self._filepath) or local_path(self._filepath).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
