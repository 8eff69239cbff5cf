from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.shelf.data.splitting import split_photos_by_source
from triptych.shelf.params import SplitParams

ALONE = SplitParams(duplicate_distance=-1)


def divide(splits: list[str], params: SplitParams = ALONE, bare: tuple[int, ...] = ()) -> tuple[list[str], Any]:
    images = [
        {"id": number, "file_name": f"{number}.jpg", **({"split": name} if name else {})}
        for number, name in enumerate(splits)
    ]
    items = [{"image_id": image["id"]} for image in images if image["id"] not in bare]
    roles, report = split_photos_by_source(Path("nowhere"), {"images": images, "annotations": items}, params)
    return roles["role"].tolist(), report


def test_given_splits_are_kept() -> None:
    given = ["train"] * 5 + ["validation"] * 2 + ["test"] * 3
    roles, report = divide(given)
    assert roles == given
    assert report["given_splits_followed"]
    assert report["roles"]["test"]["photos"] == 3


def test_photos_of_no_split_are_trained_on() -> None:
    assert divide(["test", "validation", "", ""])[0] == ["test", "validation", "train", "train"]


def test_a_role_that_nobody_has_is_drawn_from_the_training_photos() -> None:
    roles, _ = divide(["train"] * 8 + ["validation"] * 2)
    assert roles[8:] == ["validation"] * 2
    assert sorted(roles[:8]) == ["test"] * 2 + ["train"] * 6  # a fifth of ten
    only, _ = divide(["train"] * 20)
    assert {role: only.count(role) for role in ("train", "validation", "test")} == {
        "train": 13,
        "validation": 3,
        "test": 4,
    }


def test_what_is_drawn_stays_apart_from_near_duplicates_elsewhere() -> None:
    sources = SplitParams(duplicate_distance=-1, source_pattern=r"^(\d)")
    images = [
        {"id": n, "file_name": f"{n % 5}_{n}.jpg", "split": "validation" if n == 0 else "train"} for n in range(20)
    ]
    everything = {"images": images, "annotations": [{"image_id": n} for n in range(20)]}
    roles, report = split_photos_by_source(Path("nowhere"), everything, sources)
    test = roles[roles["role"] == "test"]
    assert len(test) == 4  # a whole source, none of whose photos is for validation
    assert test["group"].nunique() == 1
    assert not test["file_name"].str.startswith("0").any()
    assert report["groups_in_several_roles"] == 1


def test_a_role_without_objects_is_as_good_as_none() -> None:
    roles, _ = divide(["train"] * 8 + ["validation", "test"], bare=(9,))
    assert roles[9] == "test"
    assert roles.count("test") == 3  # with two that have objects, of the nine


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match=r"leave none with objects to train on: .*follow_given to false"):
        divide(["test", "validation", "train"], bare=(2,))


def test_they_can_be_drawn_anew() -> None:
    roles, report = divide(["test"] * 10, ALONE.replace(follow_given=False))
    assert sorted(set(roles)) == ["test", "train", "validation"]
    assert not report["given_splits_followed"]
