"""Data assets as Azure ML keeps them: folders by name and version."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

_REFERENCE = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9_\-]+)(?:@(?P<label>\w+)|:(?P<version>\d+))?")


class DataAssets:
    """Versions of named folders; the first is 1.

    Args:
        folder: Holds `NAME/VERSION/`; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, source: Path) -> Path:
        """Copy a folder or a file to a new version."""
        version = self.folder / name / str(len(self.versions(name)) + 1)
        if source.is_dir():
            shutil.copytree(source, version)
        else:
            version.mkdir(parents=True)
            shutil.copy(source, version)
        return version

    def versions(self, name: str) -> list[Path]:
        """List the versions' folders, the oldest first."""
        return sorted((self.folder / name).glob("[0-9]*"), key=lambda path: int(path.name))

    def find(self, reference: str) -> Path:
        """Give the folder that `NAME`, `NAME@latest` or `NAME:VERSION` means.

        Raises:
            LookupError: If there is no such asset.
        """
        match = _REFERENCE.fullmatch(reference)
        versions = self.versions(match["name"]) if match else []
        if match and match["version"]:
            versions = [path for path in versions if path.name == match["version"]]
        if match is None or not versions or match["label"] not in (None, "latest"):
            raise LookupError(f"there is no data asset {reference} in {self.folder}")
        return versions[-1]
