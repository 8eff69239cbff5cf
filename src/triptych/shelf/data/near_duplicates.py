"""Find photos that show nearly the same, by their difference hashes.

The hash (N. Krawetz, "Kind of like that", 2013): shrink the photo to 9 x 8 greys, and note for each whether its right
neighbour is brighter: 64 bits that change little with size, brightness and compression.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triptych.parallel import count_cores

BITS = 64
_BLOCK = 512
_DRAFT_PX = 72  # a JPEG is decoded at an eighth or so of its size, which is quick and no less than this


def hash_photos(paths: Sequence[Path]) -> NDArray[np.bool_]:
    """Hash photos in several threads (decoding lets other threads run).

    Args:
        paths: Photos that can be read.

    Returns:
        Shape (n, 64).
    """
    with ThreadPoolExecutor(count_cores()) as pool:
        hashes = list(pool.map(hash_photo, paths))
    return np.array(hashes, dtype=bool).reshape(-1, BITS)


def hash_photo(path: Path) -> NDArray[np.bool_]:
    """Compute a photo's difference hash, shape (64,)."""
    with Image.open(path) as image:
        image.draft("L", (_DRAFT_PX, _DRAFT_PX))
        greys = image.convert("L").resize((9, 8), Image.Resampling.BOX)
    rows = np.asarray(greys)
    return (rows[:, 1:] > rows[:, :-1]).ravel()


def group_near_duplicates(hashes: NDArray[np.bool_], distance: int) -> NDArray[np.int64]:
    """Number the groups of photos that are linked by pairs of near hashes.

    Args:
        hashes: Shape (n, 64).
        distance: Most bits in which a pair differs.

    Returns:
        Group of each photo, shape (n,).
    """
    unique, position = np.unique(hashes, axis=0, return_inverse=True)
    # The product of two signs is 1 where they agree, so the dot product is 64 - 2 x the bits that differ.
    signs = np.where(unique, np.float32(1), np.float32(-1))
    groups = np.arange(len(unique), dtype=np.int64)
    for start in range(0, len(signs), _BLOCK):
        rows, columns = np.nonzero(signs[start : start + _BLOCK] @ signs[start:].T >= BITS - 2 * distance)
        groups = connect_pairs(groups, rows + start, columns + start)
    return groups[position.ravel()]


def connect_pairs(groups: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Merge the groups of each pair of members.

    Args:
        groups: Group of each member, numbered from 0, shape (n,).
        left: One member of each pair.
        right: The other.

    Returns:
        The new group of each member, numbered from 0.
    """
    # SciPy has this, but weighs more than all else that the shelf library needs besides torch and OpenCV.
    root = np.arange(groups.max(initial=-1) + 1, dtype=np.int64)
    one, other = groups[left], groups[right]
    while (apart := root[one] != root[other]).any():
        one, other = root[one[apart]], root[other[apart]]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while (root != root[root]).any():
            root = root[root]
    return np.unique(root[groups], return_inverse=True)[1].ravel()
