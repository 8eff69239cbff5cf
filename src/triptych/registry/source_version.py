"""Which commit the code is of."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_TIMEOUT_S = 20


def find_commit(folder: Path) -> str | None:
    """Ask git for the commit of a folder's files.

    Args:
        folder: The package's folder; it may be installed somewhere that git knows nothing of.

    Returns:
        The commit's hash, with `-dirty` after it where tracked files differ from it; None outside git.
    """
    git = shutil.which("git")
    if git is None:
        return None
    try:
        # A virtual environment within some other repository is not that repository's commit.
        _ask(git, folder, "ls-files", "--error-unmatch", "__init__.py")
        return _ask(git, folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (subprocess.SubprocessError, OSError):
        return None


def _ask(git: str, folder: Path, *words: str) -> str:
    command = [git, "-C", str(folder), *words]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)  # noqa: S603
    return run.stdout.strip()
