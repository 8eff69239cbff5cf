"""Formats are told apart by what is in the files; where two say different things, somebody is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_coco, write_photo, write_voc
from triptych.shelf.data.ingest import ingest_folder
from triptych.shelf.params import IngestParams

GAP = {"bbox": [5, 4, 15, 12]}


def write_both(raw: Path, names: list[str], differing: int) -> None:
    """Write photos described in YOLO's format and in COCO's, the first of them differently."""
    (raw / "labels").mkdir(parents=True)
    (raw / "data.yaml").write_text("names: [gap]")
    for number, name in enumerate(names):
        write_photo(raw / "images" / f"{name}.jpg", seed=number)
        text = "0 0.3125 0.333333 0.375 0.4\n"
        (raw / "labels" / f"{name}.txt").write_text(text + "0 0.8 0.8 0.1 0.2" * (number < differing))
    write_coco(raw / "instances.json", {f"images/{name}.jpg": [GAP] for name in names})


def test_formats_that_agree_are_one(tmp_path: Path) -> None:
    write_both(tmp_path / "raw", list("abcde"), 0)
    annotations, rows, report = ingest(tmp_path / "raw")
    assert boxes(annotations) == {f"{name}.jpg": [[5, 4, 15, 12]] for name in "abcde"}
    assert (rows, report["photos_in_several_formats"]) == ([], 5)


def test_one_photo_that_differs_is_listed(tmp_path: Path) -> None:
    write_both(tmp_path / "raw", list("abcde"), 1)
    annotations, rows, _ = ingest(tmp_path / "raw")
    assert len(annotations["annotations"]) == 5
    (row,) = rows
    reason = "1 objects (1 'gap') in COCO format, 2 objects (2 'gap') in YOLO: those in COCO format are used"
    assert row == ("images/a.jpg", "formats_differ", reason)


def test_formats_that_differ_on_most_photos_stop_the_run(tmp_path: Path) -> None:
    write_both(tmp_path / "raw", list("abcde"), 3)
    told = r"COCO and YOLO see different objects on 3 of the 5 photos .*images/a\.jpg: set shelf\.ingest\.annot"
    with pytest.raises(ValueError, match=told):
        ingest(tmp_path / "raw")
    assert len(ingest(tmp_path / "raw", annotations="yolo")[0]["annotations"]) == 8
    assert len(ingest(tmp_path / "raw", annotations="coco")[0]["annotations"]) == 5


def test_a_photo_is_described_once_by_each_tool(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write_photo(raw / "b.jpg", seed=1)
    write_voc(raw / "a.xml", [(5, 4, 20, 16)])
    (raw / "a.json").write_text(
        json.dumps({"shapes": [{"label": "gap", "shape_type": "rectangle", "points": [[5, 4], [20, 16]]}]})
    )
    (raw / "classes.txt").write_text("gap")
    (raw / "b.txt").write_text("0 0.5 0.5 0.5 0.5")
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12]], "b.jpg": [[10, 7.5, 20, 15]]}
    assert (rows, report["photos_in_several_formats"]) == ([], 1)


def test_files_of_no_format_are_told_with_the_formats(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    (raw / "settings.json").write_text('{"zoom": 1}')
    (raw / "page.xml").write_text("<html/>")
    with pytest.raises(ValueError, match=r"no objects are left .*Pascal VOC.*COCO.*LabelMe.*CVAT.*YOLO.*Azure ML.*"):
        ingest(raw)


def test_photos_with_the_same_name_in_one_folder_are_not_mixed_up(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "labels").mkdir(parents=True)
    (raw / "data.yaml").write_text("names: [gap]")
    write_photo(raw / "images" / "a.jpg")
    write_photo(raw / "images" / "a.png")
    (raw / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    write_photo(raw / "images" / "b.jpg", seed=2)
    (raw / "labels" / "b.txt").write_text("0 0.5 0.5 0.5 0.5")
    annotations, rows, _ = ingest(raw)
    assert list(boxes(annotations)) == ["b.jpg"]
    assert kinds(rows) == [
        ("images/a.jpg", "photo_left_out"),
        ("images/a.png", "photo_left_out"),
        ("labels/a.txt", "ambiguous_name"),
    ]


def test_a_folder_of_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photos in"):
        ingest_folder(tmp_path, IngestParams(), tmp_path / "photos")
