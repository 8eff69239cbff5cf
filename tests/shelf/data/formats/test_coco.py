"""COCO is read entry by entry; nothing in a file can stop the ingest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triptych.shelf.data.formats.coco as coco_module
from tests.shelf.raw_folders import coco
from triptych.shelf.data.formats.coco import OtherJsonError, read_coco
from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.records import AnnotationError, PhotoRecord, RawObject

BOX: dict[str, Any] = {"bbox": [1, 2, 3.5, 4]}


def read(folder: Path, content: Any, quarantine: Quarantine | None = None) -> list[PhotoRecord]:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "a.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    return read_coco(folder, "a.json", quarantine or Quarantine())


def test_a_file_is_read_photo_by_photo(tmp_path: Path) -> None:
    runs = {"size": [30, 40], "counts": [0, 1200]}
    objects: list[dict[str, Any]] = [
        {**BOX, "segmentation": []},
        {"segmentation": [[1, 2, 3]]},
        {"segmentation": runs, "iscrowd": 1},
    ]
    records = read(tmp_path, coco({"b.jpg": objects, "a.jpg": []}))
    assert records == [
        PhotoRecord(
            "a.json",
            "b.jpg",
            Size(40, 30),
            [
                RawObject("gap", (1.0, 2.0, 4.5, 6.0)),
                RawObject("gap", None, [[1, 2, 3]]),
                RawObject("gap", None, runs, True),
            ],
        ),
        PhotoRecord("a.json", "a.jpg", Size(40, 30)),
    ]


def test_ids_that_a_table_made_fractions_of_are_the_same_ids(tmp_path: Path) -> None:
    content = coco({"a.jpg": [BOX]})
    content["annotations"][0] |= {"image_id": 1.0, "category_id": 7.0}
    assert read(tmp_path, content)[0].objects == [RawObject("gap", (1.0, 2.0, 4.5, 6.0))]


def test_an_empty_box_beside_a_mask_and_a_polygon_without_its_list_are_taken_as_meant(tmp_path: Path) -> None:
    outline = [2, 2, 12, 2, 12, 12]
    objects = [{"bbox": [0, 0, 0, 0], "segmentation": [outline]}, {**BOX, "segmentation": outline}]
    assert read(tmp_path, coco({"a.jpg": objects}))[0].objects == [
        RawObject("gap", None, [outline]),
        RawObject("gap", (1.0, 2.0, 4.5, 6.0), [outline]),
    ]


@pytest.mark.parametrize("item", [{"bbox": [0.1, 0.2, 0.5, 0.25]}, {"segmentation": [[0.1, 0.1, 1, 0.1, 1, 0.9]]}])
def test_shares_of_the_photo_are_refused_with_cause_and_cure(tmp_path: Path, item: dict[str, Any]) -> None:
    with pytest.raises(AnnotationError, match=r"coordinates are between 0 and 1, shares .* in pixels: multiply x and"):
        read(tmp_path, coco({"a.jpg": [item, item], "b.jpg": []}))


def test_one_tiny_box_is_no_share(tmp_path: Path) -> None:
    assert len(read(tmp_path, coco({"a.jpg": [{"bbox": [0.1, 0.2, 0.5, 0.25]}, BOX]}))[0].objects) == 2
    for box in ([0, 0, 0, 0], [1.0], [0.5, 0.5, 1, 1]):
        assert len(read(tmp_path, coco({"a.jpg": [{"bbox": box}]}))[0].objects) == 1


def test_ids_may_be_texts(tmp_path: Path) -> None:
    content = {
        "images": [{"id": "x", "file_name": "a.jpg"}],
        "annotations": [{"image_id": "x", "category_id": "c", **BOX}],
        "categories": [{"id": "c", "name": " gap "}],
    }
    assert read(tmp_path, content)[0].objects == [RawObject("gap", (1.0, 2.0, 4.5, 6.0))]


def test_entries_that_make_no_sense_are_listed_and_the_others_count(tmp_path: Path) -> None:
    content = coco({"a.jpg": [BOX]})
    content["images"] += [None, {"id": 1, "file_name": "b.jpg"}, {"id": [2], "file_name": "c.jpg"}, {"id": 3}]
    content["annotations"] += [None, {"image_id": 99, "category_id": 7, **BOX}, {"image_id": {}}]
    content["annotations"].append({"image_id": 1, "category_id": 8, **BOX})
    content["categories"] += [None, {"id": 8}, {"id": None, "name": "x"}]
    quarantine = Quarantine()
    records = read(tmp_path, content, quarantine)
    assert [(record.name, [item.category for item in record.objects]) for record in records] == [("a.jpg", ["gap", ""])]
    assert quarantine.count() == {"annotation_without_photo": 6, "duplicate_annotation": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "unreadable JSON"),
        ("{", "unreadable JSON"),
        ("[" * 200_000, "unreadable JSON"),
        ('{"images": [' + "9" * 10_000 + "]}", "unreadable JSON"),
        ('{"images": [], "annotations": {}}', "no COCO instances: it has no list of annotations, categories"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=reason) as caught:
        read(tmp_path, content)
    assert not isinstance(caught.value, OtherJsonError)


@pytest.mark.parametrize("content", [[], 3, None, {}, {"name": "settings"}])
def test_other_json_is_told_apart(content: Any, tmp_path: Path) -> None:
    with pytest.raises(OtherJsonError, match="neither images nor annotations"):
        read(tmp_path, content)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(AnnotationError, match="unreadable JSON"):
        read_coco(tmp_path, "a.json", Quarantine())


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_module, "MAX_BYTES", 10)
    with pytest.raises(AnnotationError, match="larger than 10 bytes"):
        read(tmp_path, coco({}))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["id", "file_name", "gap", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "bbox", "name"]), inner),
    max_leaves=6,
)
KEYS = ["id", "file_name", "width", "height", "image_id", "category_id", "bbox", "segmentation", "iscrowd", "name"]
ENTRIES = st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.just(1)) | ANYTHING, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(content=st.fixed_dictionaries({"images": ENTRIES, "annotations": ENTRIES, "categories": ENTRIES}))
def test_any_content_gives_records(content: dict[str, Any], tmp_path: Path) -> None:
    try:
        records = read(tmp_path, content)
    except AnnotationError as error:
        if "between 0 and 1" not in str(error):  # the one thing that makes a file as a whole useless
            raise
        return
    assert all(isinstance(record.name, str) for record in records)
    assert all(item.box is None or len(item.box) == 4 for record in records for item in record.objects)
