"""The code that goes to each node of a cluster, as azure-ai-ml chooses it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder


def copy_snapshot(code: Path, target: Path) -> None:
    """Copy what Azure ML would upload of a folder: all that its .amlignore (else .gitignore) leaves."""
    pairs: Any = get_upload_files_from_folder(code, ignore_file=get_ignore_file(code))
    for source, name in pairs:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, path)


class Snapshots:
    """Takes each folder of code once, and gives every node its own copy.

    Args:
        folder: Where the copies go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[Path, Path] = {}
        self._lock = threading.Lock()

    def copy_for(self, step: str, node: int, code: Path) -> Path:
        """Give a node its own copy."""
        with self._lock:
            if code not in self._taken:
                self._taken[code] = self._folder / f"uploaded_{len(self._taken)}"
                self._taken[code].mkdir(parents=True)
                copy_snapshot(code, self._taken[code])
        return Path(shutil.copytree(self._taken[code], self._folder / step / str(node)))
