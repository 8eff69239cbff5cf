"""Near photos share a group, whatever was done to them; groups are the closure of near pairs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import triptych.shelf.data.near_duplicates as near_duplicates
from tests.shelf.raw_folders import draw
from triptych.shelf.data.near_duplicates import connect_pairs, group_near_duplicates, hash_photo, hash_photos

SIZE = (320, 240)


def test_a_hash_notes_where_the_right_neighbour_is_brighter(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 90, dtype=np.uint8), (80, 1))
    Image.fromarray(ramp).save(tmp_path / "up.png")
    Image.fromarray(ramp[:, ::-1]).save(tmp_path / "down.png")
    hashes = hash_photos([tmp_path / "up.png", tmp_path / "down.png"])
    assert hashes.shape == (2, 64)
    assert hashes[0].all()
    assert not hashes[1].any()


def test_near_photos_have_near_hashes_and_others_do_not(tmp_path: Path) -> None:
    photo = Image.fromarray(draw(SIZE))
    photo.save(tmp_path / "0.png")
    photo.resize((200, 150)).save(tmp_path / "1.jpg", quality=60)
    Image.fromarray((draw(SIZE) * 0.7 + 20).astype(np.uint8)).save(tmp_path / "2.jpg")
    Image.fromarray(draw(SIZE, seed=1)).save(tmp_path / "3.jpg")
    hashes = [hash_photo(tmp_path / name) for name in ("0.png", "1.jpg", "2.jpg", "3.jpg")]
    distances = [(hashes[0] != other).sum() for other in hashes]
    assert max(distances[:3]) <= 4
    assert distances[3] > 15


def group_slowly(hashes: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Say for every pair whether the closure of near pairs joins them."""
    near: NDArray[np.bool_] = (hashes[:, None] != hashes).sum(axis=2) <= distance
    for _ in hashes:
        near = near.astype(int) @ near.astype(int) > 0
    return near


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 63), max_size=5)), max_size=20), st.integers(0, 8))
def test_groups_are_the_closure_of_near_pairs(flips: list[tuple[int, set[int]]], distance: int) -> None:
    centres = np.random.default_rng(0).integers(0, 2, (4, 64)).astype(bool)
    centres[1] = centres[0]
    centres[1, :7] ^= True
    hashes = np.array([centres[centre] ^ np.isin(np.arange(64), list(bits)) for centre, bits in flips], dtype=bool)
    hashes = hashes.reshape(-1, 64)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(near_duplicates, "_BLOCK", 3)
        groups = group_near_duplicates(hashes, distance)
    assert np.array_equal(groups[:, None] == groups, group_slowly(hashes, distance))


def test_many_photos_are_grouped_in_seconds() -> None:
    hashes = np.random.default_rng(0).integers(0, 2, (10_000, 64)).astype(bool)
    hashes[5000:5010] = hashes[0]
    start = time.perf_counter()
    groups = group_near_duplicates(hashes, 6)
    assert time.perf_counter() - start < 5  # 0.2 s on one core
    assert len(set(groups.tolist())) == 9990
    assert set(groups[5000:5010].tolist()) == {groups[0]}


def test_pairs_connect_groups() -> None:
    groups = np.array([0, 1, 1, 2, 3])
    joined = connect_pairs(groups, np.array([0, 4]), np.array([2, 4]))
    assert (joined[:, None] == joined).tolist() == (np.array([0, 0, 0, 1, 2])[:, None] == [0, 0, 0, 1, 2]).tolist()
