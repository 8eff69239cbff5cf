"""Divide photos into training, validation and test, so that photos of the same source stay together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from triptych.parallel import count_cores
from triptych.shelf.data.given_splits import ROLES, follow_splits
from triptych.shelf.params import SplitParams

_MOST_LISTED = 20

IntArray = NDArray[np.int64]


def split_photos_by_source(
    photos: Path, annotations: dict[str, Any], split: SplitParams
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give every photo a role.

    Splits that came with the photos are followed (`follow_given`). Elsewhere groups, photos that are near duplicates
    or, by `source_pattern`, of the same source, are drawn as a whole, those with objects first, so that each role gets
    its share of photos with and without.

    Args:
        photos: The ingested photos.
        annotations: In COCO's format.
        split: Shares, and what makes a group.

    Returns:
        Columns `image_id`, `file_name`, `group` (numbered from 0 in the order of photos), `role`; and a report.

    Raises:
        ValueError: If the photos with objects are fewer than three groups, or given splits leave none to train on.
    """
    images = annotations["images"]
    groups = _group_photos(photos, images, split)
    annotated = {item["image_id"] for item in annotations["annotations"] if not item.get("iscrowd", 0)}
    has_objects = np.array([image["id"] in annotated for image in images], dtype=bool)
    followed = follow_splits(images, groups, has_objects, split) if split.follow_given else None
    role = draw_roles(groups, has_objects, split) if followed is None else followed
    roles = pd.DataFrame(
        {
            "image_id": np.array([image["id"] for image in images], dtype=np.int64),
            "file_name": [image["file_name"] for image in images],
            "group": groups,
            "role": np.array(ROLES, dtype=object)[role],
        }
    )
    return roles, _report(roles, has_objects, annotations) | {"given_splits_followed": followed is not None}


def draw_roles(groups: IntArray, has_objects: NDArray[np.bool_], split: SplitParams) -> IntArray:
    """Draw a role for each group.

    Args:
        groups: Group of each photo, numbered from 0.
        has_objects: Whether there is an object on it.
        split: Shares and seed.

    Returns:
        Index into `ROLES` for each photo.

    Raises:
        ValueError: If photos with objects are fewer than three groups.
    """
    sizes = np.bincount(groups)
    with_objects = np.bincount(groups, weights=has_objects).astype(np.int64)
    if (with_objects > 0).sum() < len(ROLES):
        raise ValueError(
            f"the {int(has_objects.sum())} photos with objects form {int((with_objects > 0).sum())} groups of near "
            "duplicates or of the same source, and training, validation and test need one each: add photos, lower "
            "shelf.split.duplicate_distance, or change shelf.split.source_pattern"
        )
    share = np.array([1 - split.validation_share - split.test_share, split.validation_share, split.test_share])
    order = np.random.default_rng(split.seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    role = np.full(len(sizes), -1, dtype=np.int64)
    _fill(role, order[with_objects[order] > 0], with_objects, share)
    _give_each_one(role, with_objects)
    _fill(role, order[with_objects[order] == 0], sizes, share)
    return role[groups]


def _fill(role: IntArray, order: IntArray, sizes: IntArray, share: NDArray[np.float64]) -> None:
    """Give each group in turn to the role that lacks most, the last of equals.

    Groups that have a role already count.
    """
    wanted = share * (sizes[role >= 0].sum() + sizes[order].sum())
    given = np.array([sizes[role == index].sum() for index in range(len(share))], dtype=np.float64)
    for group in order.tolist():
        role[group] = len(share) - 1 - np.argmax((wanted - given)[::-1])
        given[role[group]] += sizes[group]


def _give_each_one(role: IntArray, sizes: IntArray) -> None:
    """Let a role without a group have the smallest of the role with most groups."""
    for index in range(len(ROLES)):
        if not (role == index).any():
            counts = np.bincount(role[role >= 0], minlength=len(ROLES))
            members = np.flatnonzero(role == counts.argmax())
            role[members[sizes[members].argmin()]] = index


def _group_photos(photos: Path, images: list[dict[str, Any]], split: SplitParams) -> IntArray:
    """Number the groups in the order of their first photos."""
    groups = np.arange(len(images), dtype=np.int64)
    if split.duplicate_distance >= 0:
        hashes = hash_photos([photos / "images" / image["file_name"] for image in images])
        groups = group_near_duplicates(hashes, split.duplicate_distance)
    if split.source_pattern:
        names = [PurePosixPath(image.get("source") or image["file_name"]).name for image in images]
        first = _find_first_of_source(names, split.source_pattern)
        groups = connect_pairs(groups, np.arange(len(images)), first)
    _, start, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(start), dtype=np.int64)
    rank[np.argsort(start)] = np.arange(len(start))
    return rank[number.ravel()]


def _find_first_of_source(names: list[str], pattern: str) -> IntArray:
    """Find for each photo the first with the same first group of the pattern, else itself."""
    first: dict[str, int] = {}
    found = [re.search(pattern, name) for name in names]
    sources = [match[1] if match and match[1] is not None else None for match in found]
    return np.array(
        [index if source is None else first.setdefault(source, index) for index, source in enumerate(sources)],
        dtype=np.int64,
    )


def _report(roles: pd.DataFrame, has_objects: NDArray[np.bool_], annotations: dict[str, Any]) -> dict[str, Any]:
    objects = pd.Series([item["image_id"] for item in annotations["annotations"]], dtype="int64").value_counts()
    counted = roles.assign(with_objects=has_objects, objects=roles["image_id"].map(objects).fillna(0).astype(int))
    by_role = {}
    for role, rows in counted.groupby("role"):
        by_role[str(role)] = {
            "photos": len(rows),
            "share": round(len(rows) / len(counted), 4),
            "photos_with_objects": int(rows["with_objects"].sum()),
            "objects": int(rows["objects"].sum()),
            "groups": int(rows["group"].nunique()),
        }
    members = roles.groupby("group")["file_name"].agg(list)
    several = sorted((names for names in members if len(names) > 1), key=len, reverse=True)
    return {
        "photos": len(roles),
        "groups": len(members),
        "photos_in_groups_of_several": sum(map(len, several)),
        "largest_groups": [names[:_MOST_LISTED] for names in several[:_MOST_LISTED]],
        "groups_in_several_roles": int((roles.groupby("group")["role"].nunique() > 1).sum()),
        "roles": {role: by_role[role] for role in ROLES if role in by_role},
    }


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
