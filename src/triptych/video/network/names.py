"""The names of the styles in a checkpoint, read without PyTorch where there are none."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["NAMES", "read_style_names"]

NAMES = "styles"
"""Key of the list of names, beside the weights."""


def read_style_names(path: Path) -> tuple[str, ...]:
    """Read the names of the styles in a checkpoint.

    Returns:
        None of a file with a single style in the layout of pytorch/examples, nor of one that is no checkpoint, of
        which loading it will tell.
    """
    if not _may_have_names(path):
        return ()
    from triptych.video.network.checkpoints import read_weights

    try:
        names = read_weights(path).get(NAMES, ())
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def _may_have_names(path: Path) -> bool:
    """Look for the key in the part of the file that lists its tensors: importing PyTorch takes seconds."""
    if not zipfile.is_zipfile(path):
        return NAMES.encode() in path.read_bytes()  # as PyTorch wrote files before 1.6, and still may
    with zipfile.ZipFile(path) as archive:
        listing = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        return listing is not None and NAMES.encode() in archive.read(listing)
