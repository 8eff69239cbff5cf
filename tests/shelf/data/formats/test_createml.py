"""Create ML's JSON in both of Apple's spellings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.formats.createml import is_createml, parse_createml
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.records import AnnotationError

ITEM = {"label": "gap", "coordinates": {"x": 12.5, "y": 10, "width": 15, "height": 12}}
BOX = [5, 4, 15, 12]


@pytest.mark.parametrize(("photo", "objects"), [("image", "annotations"), ("imagefilename", "annotation")])
def test_both_spellings_are_read(photo: str, objects: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("a.jpg", "b.jpg"):
        write_photo(raw / name)
    entries = [{photo: "a.jpg", objects: [ITEM, ITEM]}, {photo: "b.jpg", objects: []}]
    (raw / "labels.json").write_text(json.dumps(entries), encoding="utf-8-sig")
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX], "b.jpg": []}
    assert (rows, report["createml_files"], report["duplicate_objects"]) == ([], 1, 1)


def test_entries_that_make_no_sense_are_listed_and_the_others_count(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_photo(raw / name)
    entries: list[Any] = [
        {"image": "a.jpg", "annotations": [ITEM, {"label": "gap"}, 3, {**ITEM, "coordinates": {"x": "one"}}]},
        {"image": "b.jpg", "annotations": {}},
        {"image": "gone.jpg", "annotations": []},
        {"annotations": [ITEM]},
        None,
    ]
    (raw / "labels.json").write_text(json.dumps(entries))
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX], "c.jpg": []}
    assert report["refused_objects"] == {"no coordinates": 2, "box with a value that is no number": 1}
    assert kinds(rows) == [
        ("b.jpg", "photo_left_out"),
        ("c.jpg", "photo_without_annotation"),
        *[("labels.json", "annotation_without_photo")] * 3,
        *[("labels.json", "refused_object")] * 2,
        ("labels.json", "unreadable_annotation"),
    ]


def test_shares_are_refused_with_cause_and_cure() -> None:
    shares = {"label": "gap", "coordinates": {"x": 0.5, "y": 0.5, "width": 0.2, "height": 0.2}}
    with pytest.raises(AnnotationError, match="Create ML's are in pixels"):
        parse_createml([{"image": "a.jpg", "annotations": [shares]}], "a.json", Quarantine())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["gap", "é", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["label", "coordinates", "x", "width"]), inner)
    ),
    max_leaves=6,
)
ENTRY = st.dictionaries(st.sampled_from(["image", "imagefilename", "annotations", "annotation"]), ANYTHING)


@settings(max_examples=50)
@given(content=st.lists(ENTRY | ANYTHING, max_size=4))
def test_any_content_gives_records_or_a_reason(content: list[Any]) -> None:
    try:
        records = parse_createml(content, "a.json", Quarantine())
    except AnnotationError as error:
        if "between 0 and 1" not in str(error) and is_createml(content):
            raise
        return
    for record in records:
        for item in record.objects:
            assert item.fault or item.box
