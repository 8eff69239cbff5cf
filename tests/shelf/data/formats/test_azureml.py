"""Azure ML's JSON Lines, as data labelling exports them and as people write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.formats.azureml import path_of, read_azureml
from triptych.shelf.data.records import AnnotationError

LABEL = {"label": "gap", "topX": 0.125, "topY": 0.2, "bottomX": 0.5, "bottomY": "0.6", "isCrowd": 0}
BOX = [5, 6, 15, 12]
STORE = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/"


def write(raw: Path, *lines: Any) -> None:
    raw.mkdir(exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    (raw / "export.jsonl").write_text("\r\n".join(texts), encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (STORE + "UI/2026/a b.jpg", "UI/2026/a b.jpg"),
        ("AmlDatastore://data/a.jpg", "data/a.jpg"),
        ("https://x.blob.core.windows.net/c/data/a.jpg?sig=1#x", "c/data/a.jpg"),
        ("data\\a.jpg", "data\\a.jpg"),
    ],
)
def test_the_path_is_taken_out_of_an_address(url: str, path: str) -> None:
    assert path_of(url) == path


def test_photos_are_found_by_the_end_of_their_address(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("one/a.jpg", "two/a.jpg", "Lücke 1.jpg", "100%25.jpg"):
        write_photo(raw / name)
    write(
        raw,
        {"image_url": STORE + "x/one/a.jpg", "label": [LABEL]},
        {"image_url": "AmlDatastore://two/a.jpg", "image_details": {"width": "40px", "height": 30}, "label": []},
        {"image_url": "https://h/c/L%C3%BCcke%201.jpg", "label": [LABEL, LABEL]},
        {"image_url": STORE + "100%25.jpg", "label": [{**LABEL, "isCrowd": "true"}]},
        {"image_url": STORE + "three/a.jpg", "label": [LABEL]},
    )
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"100_25.jpg": [BOX], "L_cke 1.jpg": [BOX], "a.jpg": [BOX], "a-2.jpg": []}
    assert [item["iscrowd"] for item in annotations["annotations"]] == [1, 0, 0]
    assert kinds(rows) == [("export.jsonl", "ambiguous_name")]


def test_a_line_ends_where_json_lines_end(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write(raw, {"image_url": "a.jpg", "label": [{**LABEL, "label": "low\u2028stock\x85"}]})
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX]}
    assert not rows


def test_a_line_that_cannot_be_read_costs_its_own_photo_only(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in "abcd":
        write_photo(raw / f"{name}.jpg")
    write(
        raw,
        {"image_url": "a.jpg", "label": [LABEL]},
        '{"image_url": "b.jpg", "label": [',
        {"image_url": "c.jpg", "label": "gap"},
    )
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [BOX], "d.jpg": []}
    assert kinds(rows) == [
        ("b.jpg", "photo_left_out"),
        ("c.jpg", "photo_left_out"),
        ("d.jpg", "photo_without_annotation"),
        *[("export.jsonl", "unreadable_annotation")] * 2,
    ]
    write(raw, {"image_url": "a.jpg", "label": [LABEL]}, '{"image_')
    assert boxes(ingest(raw)[0]) == {"a.jpg": [BOX]}  # that line may be of any of the others


def test_outlines_and_boxes_out_of_range(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    outline = {"label": "gap", "polygon": [[0.1, 0.1, 0.5, 0.1, 0.5, 0.5]]}
    labels = [outline, {**LABEL, "topX": -0.5}, {**LABEL, "topX": 1.5, "bottomX": 1.7}, {"label": "gap"}]
    labels += [{"label": "gap", "polygon": 3}, {"label": "gap", "polygon": [["x", 1, 2, 3, 4, 5]]}, 7]
    write(raw, {"image_url": "a.jpg", "label": labels})
    annotations, _, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[4, 3, 16, 12], [0, 6, 20, 12]]}
    assert report["refused_objects"] == {
        "box wholly outside the photo": 1,
        "no box": 1,
        "no category": 1,
        "polygon that is no list of numbers": 1,
        "polygon with a value that is no number": 1,
    }


def test_the_size_as_stored_turns_the_shares_with_the_photo(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg", orientation=6)
    line: dict[str, Any] = {"image_url": "a.jpg", "label": [LABEL]}
    write(raw, line)
    assert boxes(ingest(raw)[0]) == {"a.jpg": [[3.75, 8, 11.25, 16]]}  # of 30 x 40, as it is seen
    write(raw, {**line, "image_details": {"width": 40, "height": 30}})
    assert boxes(ingest(raw)[0]) == {"a.jpg": [[12, 5, 12, 15]]}


def test_other_lines_are_no_annotations(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write(raw, {"text": "a"}, {"text": "b"})
    with pytest.raises(ValueError, match=r"1 photos and no objects .*export\.jsonl: no Azure ML labels"):
        ingest(raw)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["gap", "a.jpg", "://", "é"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["label", "topX", "polygon", "isCrowd"]), inner)
    ),
    max_leaves=6,
)
LINE = st.dictionaries(st.sampled_from(["image_url", "label", "image_details"]), ANYTHING)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(lines=st.lists(LINE | ANYTHING | st.text(max_size=5), max_size=4))
def test_any_lines_give_records_or_a_reason(lines: list[Any], tmp_path: Path) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (tmp_path / "a.jsonl").write_text("\n".join(texts), encoding="utf-8")
    try:
        records = read_azureml(tmp_path, "a.jsonl")
    except AnnotationError as error:
        if "no line has an image_url" not in str(error):
            raise
        return
    assert all(isinstance(record.name, str) for record in records)
