"""Photos of one source stay together, shares are met, and every role has objects to find."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import triptych.shelf.data.splitting as near_duplicates
from tests.shelf.raw_folders import draw, write_photo
from triptych.shelf.data.splitting import (
    connect_pairs,
    draw_roles,
    group_near_duplicates,
    hash_photo,
    hash_photos,
    split_photos_by_source,
)
from triptych.shelf.params import SplitParams
from triptych.shelf.schemas import ROLES

NEVER = SplitParams(validation_share=0.2, duplicate_distance=-1)


def make_annotations(names: list[str], empty: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    images = [{"id": number, "file_name": name} for number, name in enumerate(names, start=1)]
    items = [{"image_id": image["id"]} for image in images if image["file_name"] not in empty]
    return {"images": images, "annotations": items}


def split(names: list[str], params: SplitParams, folder: Path = Path("nowhere"), **more: Any) -> pd.DataFrame:
    roles, report = split_photos_by_source(folder, make_annotations(names, **more), params)
    ROLES.validate(roles)
    assert sum(role["photos"] for role in report["roles"].values()) == len(names)
    assert report["groups"] == roles["group"].nunique()
    return roles


def count(roles: pd.DataFrame) -> dict[str, int]:
    return {str(role): int(number) for role, number in roles["role"].value_counts().items()}


@pytest.mark.parametrize(
    ("photos", "counts"), [(3, (1, 1, 1)), (10, (6, 2, 2)), (100, (60, 20, 20)), (1000, (600, 200, 200))]
)
def test_photos_that_are_all_different_are_divided_by_the_shares(photos: int, counts: tuple[int, int, int]) -> None:
    roles = split([f"{number}.jpg" for number in range(photos)], NEVER)
    assert count(roles) == dict(zip(("train", "validation", "test"), counts, strict=True))
    assert roles["group"].tolist() == list(range(photos))


def test_photos_without_objects_are_spread_evenly() -> None:
    names = [f"{number}.jpg" for number in range(100)]
    roles = split(names, NEVER, empty=set(names[:30]))
    empty = roles[roles["file_name"].isin(names[:30])]
    assert count(empty) == {"train": 18, "validation": 6, "test": 6}
    assert count(roles) == {"train": 60, "validation": 20, "test": 20}


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    names = [f"{number}.jpg" for number in range(50)]
    first, again = split(names, NEVER), split(names, NEVER)
    pd.testing.assert_frame_equal(first, again)
    other = split(names, SplitParams(duplicate_distance=-1, seed=1))
    assert (first["role"] != other["role"]).any()


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    names = [f"{seed}{suffix}" for seed in range(8) for suffix in (".jpg", "b.jpg", "c.png")]
    for name in names:
        size = (160, 120) if "b" in name else (320, 240)
        write_photo(tmp_path / "images" / name, size, seed=int(name[0]))
    roles = split(names, SplitParams(), tmp_path)
    assert (roles.groupby(roles["file_name"].str[0])["group"].nunique() == 1).all()
    assert roles["group"].nunique() == 8
    # Whole groups of three: 14.4, 4.8 and 4.8 photos would be the shares.
    assert count(roles) == {"train": 15, "validation": 3, "test": 6}


def test_photos_of_one_source_by_name_stay_together() -> None:
    names = [f"IMG_{source}_jpg.rf.{copy}.jpg" for source in range(10) for copy in "abc"] + ["x.jpg", "y.jpg"]
    params = SplitParams(duplicate_distance=-1, source_pattern=r"^(.+)_jpg\.rf\.")
    roles = split(names, params)
    assert roles["group"].nunique() == 12
    assert (roles[:30].groupby(roles["file_name"].str[:6])["group"].nunique() == 1).all()
    assert roles["group"].tolist()[-2:] == [10, 11]


def test_the_name_of_the_source_counts_not_the_new_one() -> None:
    annotations = make_annotations(["a.jpg", "a-2.jpg", "b.jpg", "c.jpg"])
    annotations["images"][1]["source"] = "other/a.jpg"
    roles, _ = split_photos_by_source(
        Path("x"), annotations, SplitParams(duplicate_distance=-1, source_pattern=r"(\w+)\.")
    )
    assert roles["group"].tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("pattern", ["(", "abc"])
def test_a_bad_pattern_is_refused_before_anything_runs(pattern: str) -> None:
    with pytest.raises(ValueError, match="^source_pattern: must be a regular expression with a group"):
        SplitParams.read({"source_pattern": pattern})


def test_too_few_groups_are_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"the 2 photos with objects form 2 groups .* lower shelf\.split\."):
        split(["a.jpg", "b.jpg", "c.jpg"], NEVER, empty={"c.jpg"})


def test_crowds_alone_are_no_objects() -> None:
    annotations = make_annotations(["a.jpg", "b.jpg", "c.jpg"])
    annotations["annotations"][0]["iscrowd"] = 1
    with pytest.raises(ValueError, match="the 2 photos with objects"):
        split_photos_by_source(Path("x"), annotations, NEVER)


def test_the_report_counts_photos_objects_and_groups() -> None:
    annotations = make_annotations([f"{number}_{copy}.jpg" for number in range(5) for copy in "ab"], {"0_a.jpg"})
    _, report = split_photos_by_source(
        Path("x"), annotations, SplitParams(duplicate_distance=-1, source_pattern=r"^(\d)")
    )
    assert (report["photos"], report["groups"], report["photos_in_groups_of_several"]) == (10, 5, 10)
    assert report["largest_groups"][0] == ["0_a.jpg", "0_b.jpg"]
    train = report["roles"]["train"]
    assert (train["photos"], train["share"], train["groups"]) == (6, 0.6, 3)
    assert sum(role["objects"] for role in report["roles"].values()) == 9
    assert sum(role["photos_with_objects"] for role in report["roles"].values()) == 9


@given(
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=3, max_size=60),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_groups_stay_whole_and_shares_are_as_near_as_they_allow(
    sizes: list[tuple[int, bool]], validation: float, test: float, seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)), [size for size, _ in sizes])
    has_objects = np.repeat([full for _, full in sizes], [size for size, _ in sizes])
    assume(sum(full for _, full in sizes) >= 3)
    params = SplitParams(validation_share=validation, test_share=test, seed=seed)
    role = draw_roles(groups, has_objects, params)
    for group in range(len(sizes)):
        assert len(set(role[groups == group].tolist())) == 1
    largest = max(size for size, _ in sizes)
    shares = (1 - validation - test, validation, test)
    for index, share in enumerate(shares):
        assert has_objects[role == index].any()
        assert (role == index).sum() <= share * len(groups) + 2 * largest
        assert (role == index).sum() >= share * len(groups) - 4 * largest


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
