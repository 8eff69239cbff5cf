"""The schemas refuse what would mislead the workload."""

from __future__ import annotations

import copy
from typing import Any

import pandas as pd
import pandera.errors
import pytest

from triptych.shelf.schemas import ROLES, Annotations

TABLE = pd.DataFrame(
    {"image_id": [1, 2, 3], "file_name": ["a", "b", "c"], "group": [0, 0, 1], "role": ["train", "train", "test"]}
)
GOOD: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30, "source": "a.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 40, 30], "area": 1200, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3.5, 4], "area": 14, "iscrowd": 0},
    ],
    "categories": [{"id": 1, "name": "gap"}],
}


def test_roles_pass() -> None:
    ROLES.validate(TABLE)


@pytest.mark.parametrize(
    "table",
    [
        TABLE.assign(role=["train", "test", "test"]),
        TABLE.assign(role="teach"),
        TABLE.assign(image_id=[1, 1, 2]),
        TABLE.assign(image_id=[0, 1, 2]),
        TABLE.assign(image_id=[1.5, 2, 3]),
        TABLE.assign(file_name=["a", "a", "b"]),
        TABLE.assign(group=[-1, -1, 0]),
        TABLE.drop(columns="group"),
    ],
)
def test_bad_roles_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        ROLES.validate(table)


def test_annotations_pass_as_they_are() -> None:
    assert Annotations.validate(GOOD) is GOOD
    empty: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    assert Annotations.validate(empty) is empty


@pytest.mark.parametrize(
    ("place", "key", "value", "reason"),
    [
        (("annotations", 0), "id", 2, "two of the annotations have the same id"),
        (("annotations", 0), "image_id", 9, "image_ids that images lack: 9"),
        (("annotations", 0), "category_id", 9, "category_ids that categories lack: 9"),
        (("annotations", 1), "bbox", [1, 2, 0, 4], "not on its photo: .*'id': 2"),
        (("annotations", 1), "bbox", [-1, 2, 3, 4], "not on its photo"),
        (("annotations", 1), "bbox", [30, 2, 10.1, 4], "not on its photo"),
        (("annotations", 1), "bbox", [1, 2, float("nan"), 4], "not on its photo"),
        (("annotations", 1), "bbox", None, "annotations lack .'bbox'."),
        (("images", 0), "source", None, "images lack .'source'."),
        (("categories", 0), "name", None, "categories lack .'name'."),
    ],
)
def test_bad_annotations_are_refused(place: tuple[str, int], key: str, value: object, reason: str) -> None:
    bad = copy.deepcopy(GOOD)
    item = bad[place[0]][place[1]]
    item[key] = value
    if value is None:
        del item[key]
    with pytest.raises(ValueError, match=reason):
        Annotations.validate(bad)


@pytest.mark.parametrize("name", ["images", "annotations", "categories"])
def test_a_missing_list_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no COCO instances: {name} lack"):
        Annotations.validate({key: value for key, value in GOOD.items() if key != name})
