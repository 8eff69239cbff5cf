"""Keep the roles that the user's own folders or lists give to photos, and draw only the roles that they leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.shelf.params import SplitParams

ROLES = ("train", "validation", "test")
_TRAIN = 0

IntArray = NDArray[np.int64]


def follow_splits(
    images: list[dict[str, Any]], groups: IntArray, has_objects: NDArray[np.bool_], split: SplitParams
) -> IntArray | None:
    """Give every photo the role that its split says.

    Photos of no split are trained on. Where no photo with objects is for validation, or for the test, whole groups of
    training photos become that.

    Args:
        images: Entries of COCO's format; `split` of an image is its role.
        groups: Group of each photo, numbered from 0.
        has_objects: Whether there is an object on it.
        split: Shares and seed of what is drawn.

    Returns:
        Index into `ROLES` for each photo; None where no photo has a split.

    Raises:
        ValueError: If there is nothing to train on.
    """
    given = np.array([ROLES.index(image["split"]) if image.get("split") in ROLES else -1 for image in images])
    if (given < 0).all():
        return None
    role: IntArray = np.maximum(given, _TRAIN).astype(np.int64)
    shares = {"test": split.test_share, "validation": split.validation_share}
    for name, share in shares.items():
        number = ROLES.index(name)
        if not (has_objects & (role == number)).any():
            chosen = _draw_groups(role, groups, has_objects, share, split.seed)
            role[np.isin(groups, chosen)] = number
    if not (has_objects & (role == _TRAIN)).any():
        raise ValueError(
            "the splits given with the photos leave none with objects to train on: mend them (folders train, val and "
            "test, data.yaml or subset), or set shelf.split.follow_given to false"
        )
    return role


def _draw_groups(role: IntArray, groups: IntArray, has_objects: NDArray[np.bool_], share: float, seed: int) -> IntArray:
    """Draw whole groups of training photos that hold a share of the photos with objects, as nearly as they do."""
    elsewhere = np.unique(groups[role != _TRAIN])
    sizes = np.bincount(groups, weights=has_objects)
    able = np.setdiff1d(np.flatnonzero(sizes), elsewhere)
    order = np.random.default_rng(seed).permutation(able)
    wanted = max(1.0, share * has_objects.sum())
    count = int(np.argmin(np.abs(np.cumsum(sizes[order])[:-1] - wanted))) + 1 if len(order) > 1 else 0
    return np.asarray(order[:count], np.int64)
