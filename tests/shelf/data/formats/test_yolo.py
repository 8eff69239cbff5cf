"""YOLO's labels, whatever tools and hands have made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triptych.shelf.data.formats.yolo as yolo_module
from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.formats.yolo import YoloClasses, is_label_file, place_of_photos, read_classes, read_yolo
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.records import AnnotationError

BOX = "0 0.5 0.5 0.25 0.4"  # on 40 x 30 pixels: left 15, top 9, 10 x 12
PIXELS = [15, 9, 10, 12]
NAMES = YoloClasses({"": {0: "gap", 1: "label"}})


def write_label(raw: Path, photo: str, text: str, encoding: str = "utf-8") -> None:
    """Write a photo below images/ and its labels below labels/."""
    write_photo(raw / "images" / f"{photo}.jpg")
    path = raw / "labels" / f"{photo}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


def write_data(raw: Path, **values: object) -> None:
    (raw / "data.yaml").write_text(yaml.safe_dump({"names": ["gap", "label"], **values}, allow_unicode=True))


def test_an_empty_file_is_a_photo_without_objects_and_a_missing_one_too(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", BOX)
    write_data(raw)
    write_label(raw, "empty", "\n \n")
    write_photo(raw / "images" / "none.jpg")
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [PIXELS], "empty.jpg": [], "none.jpg": []}
    assert kinds(rows) == [("images/none.jpg", "photo_without_annotation")]
    assert report["yolo_files"] == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_windows_line_ends_and_other_alphabets_do_no_harm(encoding: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "棚 1é", BOX + "\r\n", encoding)
    (raw / "data.yaml").write_text("\ufeffnames:\n  0: пустая полка\n", encoding="utf-8")
    annotations, rows, _ = ingest(raw)
    assert [category["name"] for category in annotations["categories"]] == ["пустая полка"]
    assert [item["bbox"] for item in annotations["annotations"]] == [PIXELS]
    assert rows == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7 0.5 0.5 0.25 0.4", "class 7, which has no name"),
        ("-1 0.5 0.5 0.25 0.4", "class -1, which has no name"),
        ("0.5 0.5 0.5 0.25 0.4", "class 0.5, which has no name"),
        ("0 0.5 nan 0.25 0.4", "label with a value that is no number"),
        ("0 0.5 0.5 0.25", "label with 3 values: neither a box nor an outline"),
        ("0 0.5 0.5 0.25 0.4 0.9", "label with 5 values: neither a box nor an outline"),
        ("0 15 9 10 12", "coordinates that are no shares of the photo's size (0 to 1)"),
        ("0 1.5 0.5 0.25 0.4", "box wholly outside the photo"),
        ("0 0.5 0.5 -0.25 0.4", "inverted box"),
        ("0 0.5 0.5 0.001 0.4", "box narrower or lower than min_box_px=2"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", "polygon without area on the photo"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_and_the_others_count(line: str, reason: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", f"{line}\n{BOX}\n")
    write_data(raw)
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [PIXELS]}
    assert report["refused_objects"] == {reason: 1}
    assert kinds(rows) == [("labels/a.txt", "refused_object")]


@pytest.mark.parametrize(("shape", "points"), [([4, 3], " 0.5 0.5 2" * 4), ([2, 2], " 0.1 0.9" * 2)])
def test_key_points_are_no_outline(shape: list[int], points: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", BOX + points)
    write_data(raw, kpt_shape=shape)
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [PIXELS]}
    assert not rows
    assert "segmentation" not in annotations["annotations"][0]


def test_a_box_beyond_the_photo_is_cut_and_the_same_twice_counts_once(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", f"0 0.0 0.5 0.5 0.4\n{BOX}\n{BOX}\n")
    write_data(raw)
    annotations, _, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[0, 9, 10, 12], PIXELS]}
    assert (report["clipped_boxes"], report["duplicate_objects"]) == (1, 1)


def test_labels_are_of_the_photo_as_it_is_seen(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", "0 0.5 0.25 0.5 0.5")
    write_photo(raw / "images" / "a.jpg", orientation=6)
    write_data(raw)
    annotations, _, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[7.5, 0, 15, 20]]}  # of 30 x 40


def test_photos_of_one_name_in_two_splits_are_told_apart(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for split, text in (("train", BOX), ("val", "1 0.5 0.5 0.5 0.5")):
        write_label(raw, f"{split}/a", text)
    write_data(raw, train="images/train", val="images/val")
    annotations, rows, _ = ingest(raw)
    assert {image["source"]: image["split"] for image in annotations["images"]} == {
        "images/train/a.jpg": "train",
        "images/val/a.jpg": "validation",
    }
    assert boxes(annotations) == {"a.jpg": [PIXELS], "a-2.jpg": [[10, 7.5, 20, 15]]}
    assert rows == []


def test_splits_are_lists_of_photos_or_folders_with_any_slashes(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("one/a", "two/b", "three/c"):
        write_label(raw, name, BOX)
    (raw / "listed.txt").write_text("./images/one/a.jpg\nC:\\data\\gone.jpg\n")
    write_data(raw, train="listed.txt", val="..\\images\\two", test=["../three", 5, None])
    annotations, _, _ = ingest(raw)
    splits = {image["file_name"]: image.get("split") for image in annotations["images"]}
    assert splits == {"a.jpg": "train", "b.jpg": "validation", "c.jpg": "test"}


def test_labels_beside_photos_need_names_of_classes_and_captions_are_no_labels(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    (raw / "a.txt").write_text(BOX)
    write_photo(raw / "b.jpg")
    (raw / "b.txt").write_text("an empty shelf beside the till")
    with pytest.raises(ValueError, match=r"no objects are left .*a\.txt: its classes have no names: put a data\.yaml"):
        ingest(raw)
    (raw / "classes.txt").write_text("gap\n")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [PIXELS]}
    assert kinds(rows) == [("b.jpg", "photo_left_out"), ("b.txt", "unreadable_annotation")]


def test_one_bad_file_costs_its_own_photo_only(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_label(raw, "a", BOX)
    write_label(raw, "b", BOX)
    (raw / "labels" / "b.txt").write_bytes(b"\x00\xff\xfe\x81")
    write_photo(raw / "images" / "negative.jpg")
    (raw / "labels" / "gone.txt").write_text(BOX)
    write_data(raw)
    (raw / "broken.yaml").write_text("names: [")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [PIXELS], "negative.jpg": []}
    assert kinds(rows) == [
        ("broken.yaml", "unreadable_annotation"),
        ("images/b.jpg", "photo_left_out"),
        ("images/negative.jpg", "photo_without_annotation"),
        ("labels/b.txt", "unreadable_annotation"),
        ("labels/gone.txt", "annotation_without_photo"),
    ]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("names: {0: gap, '1': label, x: y}", {0: "gap", 1: "label"}),
        ("names: [gap, 7, null]", {0: "gap", 1: "7"}),
        ("nc: 2", None),
        ("names: gap", None),
        ("- names", None),
        ("a: &a [1]\nnames: *a", {0: "1"}),
        ("!!python/object/apply:os.system ['true']", None),
    ],
)
def test_names_are_read_from_lists_and_maps(content: str, names: object, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(content)
    assert read_classes(tmp_path, ["data.yaml"], Quarantine()).by_folder.get("") == names


def test_the_nearest_names_count(tmp_path: Path) -> None:
    classes = YoloClasses({"shop1": {0: "gap"}, "shop2": {0: "empty"}})
    assert classes.find("shop2/labels/a.txt") == {0: "empty"}
    with pytest.raises(AnnotationError, match="several data.yaml name classes"):
        classes.find("labels/a.txt")
    assert YoloClasses({"x": {0: "gap"}, "y": {0: "gap"}}).find("labels/a.txt") == {0: "gap"}


def test_label_files_are_told_from_other_text() -> None:
    photos = frozenset({"a", "images/b"})
    for file, expected in {
        "labels/x.txt": True,
        "train/Labels/deep/x.txt": True,
        "a.txt": True,
        "images/b.TXT": True,
        "labels/classes.txt": False,
        "readme.txt": False,
        "labels/data.yaml": False,
    }.items():
        assert is_label_file(file, photos) == expected, file
    assert place_of_photos("labels/train/labels/x.txt") == "labels/train/images"
    assert place_of_photos("x.txt") == "."


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yolo_module, "MAX_BYTES", 5)
    (tmp_path / "a.txt").write_text(BOX)
    with pytest.raises(AnnotationError, match="larger than 5 bytes"):
        read_yolo(tmp_path, "a.txt", NAMES)


WORDS = st.sampled_from(["0", "1", "9", "-1", "0.5", "1.5", "1e400", "nan", "x", "\ufeff", "é", "\x00"]) | st.floats(
    -1, 2
).map(str)
LINES = st.lists(st.lists(WORDS, max_size=9).map(" ".join), max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(lines=LINES)
def test_any_text_gives_a_record_or_a_reason(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    try:
        record = read_yolo(tmp_path, "a.txt", NAMES)
    except AnnotationError as error:
        if "no YOLO labels" not in str(error):
            raise
        return
    assert len(record.objects) <= len(lines)
    for item in record.objects:
        assert item.fault or item.box or item.segmentation
