"""Where a model comes from: hashes of its data, the commit of its code, its parameters by name."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import triptych
from triptych.parameters.base import Params

_LENGTH = 16  # hexadecimal digits, 64 bits


def fingerprint_tables(tables: Iterable[pd.DataFrame]) -> str:
    """Hash tables with their column names; the order of rows, columns and tables counts.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for table in tables:
        digest.update(repr(list(table.columns)).encode())
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:_LENGTH]


def fingerprint_ids(ids: NDArray[np.int64]) -> str:
    """Hash a set of ids; neither order nor repetition counts.

    Returns:
        16 hexadecimal digits.
    """
    return hashlib.sha256(np.unique(ids).astype("<i8").tobytes()).hexdigest()[:_LENGTH]


def fingerprint_texts(texts: Iterable[str]) -> str:
    """Hash a set of texts; neither order nor repetition counts.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for text in sorted(set(texts)):
        # With the length before it, or "ab", "c" would be "a", "bc".
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()[:_LENGTH]


def flatten_parameters(workload: str, **blocks: Params) -> dict[str, Any]:
    """Name every field of parameter blocks as kedro-mlflow does, `<workload>.<block>.<field>`."""
    return {
        f"{workload}.{name}.{field}": value
        for name, block in blocks.items()
        for field, value in block.model_dump().items()
    }


def tag_version(data_fingerprint: str, figures: Mapping[str, float]) -> dict[str, str]:
    """Make the tags by which a version is told from others in the registry's list.

    Args:
        data_fingerprint: Of what it was trained on.
        figures: The metrics to show.
    """
    tags = {"data_fingerprint": data_fingerprint, "code": triptych.__version__}
    if commit := find_commit(Path(triptych.__file__).parent):
        tags["git_commit"] = commit
    return tags | {key: f"{value:.4f}" for key, value in figures.items()}


_TIMEOUT_S = 20
COMMIT = "TRIPTYCH_COMMIT"
"""Variable that tells it where there is no `.git`: in the snapshot of a job of Azure ML, or in an image."""


def find_commit(folder: Path) -> str | None:
    """Ask git for the commit of a folder's files, or else the environment.

    Args:
        folder: The package's folder; it may be installed somewhere that git knows nothing of.

    Returns:
        The commit's hash, with `-dirty` after it where tracked files differ from it; None where nobody knows.
    """
    return _ask_git(folder) or os.environ.get(COMMIT) or None


def _ask_git(folder: Path) -> str | None:
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
