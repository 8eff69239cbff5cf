"""A file that somebody else reads, or a folder of such, passed to nodes as its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class FileDataset(AbstractDataset[NoReturn, Path]):
    """A file on disk, loaded as its path and never saved.

    Args:
        filepath: The file.
        or_folder: Whether it may be a folder too.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self, *, filepath: str | Path, or_folder: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath, self._or_folder = Path(filepath), or_folder
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path."""
        if not self._exists():
            kind = "neither a file nor a folder" if self._or_folder else "no file"
            raise DatasetError(f"{self._filepath} is {kind}: put it there, or give another path")
        return self._filepath

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: the file is somebody else's."""
        raise DatasetError(f"{self._filepath} is only read")

    def _exists(self) -> bool:
        return self._filepath.is_file() or (self._or_folder and self._filepath.is_dir())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
