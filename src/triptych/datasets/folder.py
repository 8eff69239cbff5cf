"""Folders of files, passed from node to node as paths."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from triptych.datasets.whole_folder import replace_folder


class Folder:
    """A folder that a node made; the folder lives as long as this object, its files until they are saved.

    Args:
        scratch: Where the files are.
    """

    def __init__(self, scratch: tempfile.TemporaryDirectory[str]) -> None:
        self._scratch = scratch

    @classmethod
    def create(cls, prefix: str) -> Folder:
        """Create an empty folder among the temporary files.

        Args:
            prefix: What its name starts with, to tell it from others.
        """
        return cls(tempfile.TemporaryDirectory(prefix=f"triptych-{prefix}-"))

    @property
    def path(self) -> Path:
        """Where to put the files."""
        return Path(self._scratch.name)


class FolderDataset(AbstractDataset[Folder | Path, Path]):
    """A folder on disk, loaded as its path; it appears under its name only when complete.

    A loaded folder is the dataset itself: read it, do not write into it.

    Args:
        filepath: The folder.
        add: Whether a save keeps what is there already; each file then appears only when complete, and takes the
            place of one of the same name.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, add: bool = False, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._add = add
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path."""
        if not self._filepath.is_dir():
            raise DatasetError(
                f"{self._filepath} is no folder: put the files there, give another path, or run the step that makes it"
            )
        return self._filepath

    def save(self, data: Folder | Path) -> None:
        """Put the files into a new folder, then that in the target's place.

        Args:
            data: A `Folder`, whose files are moved (copied to another file system), or the path of a folder, which
                is copied.
        """
        if isinstance(data, Path) and data.resolve() == self._filepath.resolve():
            return  # loaded from here, and passed on
        if self._add:
            _add_files(data.path if isinstance(data, Folder) else data, self._filepath)
            _keep(self._filepath)
            return
        with replace_folder(self._filepath) as part:
            if isinstance(data, Folder):
                for item in data.path.iterdir():
                    shutil.move(item, part / item.name)
            else:
                shutil.copytree(data, part, dirs_exist_ok=True)
            _keep(part)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _add_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        final = target / path.relative_to(source)
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_name(f".{uuid.uuid4().hex}.part")
        try:
            shutil.copyfile(path, part)
            part.replace(final)
        finally:
            part.unlink(missing_ok=True)


def _keep(folder: Path) -> None:
    """Put a hidden file into an empty folder: Azure ML does not hand on empty ones."""
    if not any(folder.iterdir()):
        (folder / ".keep").touch()
