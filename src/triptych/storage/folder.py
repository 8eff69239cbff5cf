"""A folder of files that a node made, handed on until it is saved."""

from __future__ import annotations

import tempfile
from pathlib import Path


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
