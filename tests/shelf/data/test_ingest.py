"""A raw folder becomes photos and annotations; whatever is wrong is listed and stops nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

import triptych.shelf.data.importing as photo_import
from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import Box, coco, to_coco_box, write_coco, write_photo, write_voc
from triptych.shelf.data.ingest import ingest_folder
from triptych.shelf.data.photo_files import Size, turn_of
from triptych.shelf.params import IngestParams
from triptych.shelf.schemas import Annotations

BOX = (5, 4, 20, 16)
GAP = {"bbox": to_coco_box(BOX)}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Make a folder with one photo, annotated in Pascal VOC."""
    folder = tmp_path / "raw"
    write_photo(folder / "JPEGImages" / "a.jpg")
    write_voc(folder / "Annotations" / "a.xml", [BOX])
    return folder


def test_pascal_voc_is_read(raw: Path) -> None:
    annotations, rows, report = ingest(raw)
    assert annotations == {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30, "source": "JPEGImages/a.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 4, 15, 12], "area": 180, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "gap"}],
    }
    assert rows == []
    assert {name: report[name] for name in ("photos_found", "photos", "photos_copied", "objects", "voc_files")} == {
        "photos_found": 1,
        "photos": 1,
        "photos_copied": 1,
        "objects": 1,
        "voc_files": 1,
    }


def test_coco_is_read_with_polygons_runs_and_crowds(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "images" / "b.jpg")
    write_photo(raw / "a.jpg")
    mask = np.zeros((30, 40), np.uint8, order="F")
    mask[4:16, 5:20] = 1
    compressed = coco_mask.encode(mask)["counts"].decode()
    plain = [5 * 30 + 4, *[12, 18] * 14, 12, 30 * 40 - 19 * 30 - 16]
    polygon = [[5, 4, 20, 4, 20, 16, 5, 16]]
    write_coco(
        raw / "instances.json",
        {
            "b.jpg": [
                {**GAP, "segmentation": polygon},
                {"bbox": [6, 4, 15, 12], "segmentation": {"size": [30, 40], "counts": compressed}},
                {"bbox": [5, 4, 15, 12], "segmentation": {"size": [30, 40], "counts": plain}, "iscrowd": 1},
            ],
            "a.jpg": [],
        },
    )
    annotations, rows, report = ingest(raw)
    assert [image["file_name"] for image in annotations["images"]] == ["a.jpg", "b.jpg"]
    polygons, runs, crowd = annotations["annotations"]
    assert polygons["segmentation"] == polygon
    assert runs["segmentation"] == crowd["segmentation"] == {"size": [30, 40], "counts": compressed}
    assert (polygons["area"], runs["area"], crowd["iscrowd"]) == (180, 180, 1)
    assert rows == []
    assert (report["photos_without_objects"], report["objects_with_masks"], report["crowds"]) == (1, 3, 1)


def test_what_coco_says_goes_before_pascal_voc(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "b.jpg")
    write_voc(raw / "Annotations" / "b.xml", [BOX])
    write_coco(raw / "instances.json", {"a.jpg": [{"bbox": [1, 1, 9, 9]}, {"bbox": [20, 1, 9, 9]}]})
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[1, 1, 9, 9], [20, 1, 9, 9]], "b.jpg": [[5, 4, 15, 12]]}
    assert report["photos_in_several_formats"] == 1
    assert kinds(rows) == [("JPEGImages/a.jpg", "formats_differ")]
    assert boxes(ingest(raw, annotations="voc")[0])["a.jpg"] == [[5, 4, 15, 12]]
    assert boxes(ingest(raw, annotations="coco")[0])["b.jpg"] == []


def test_a_photo_that_coco_lists_without_objects_is_a_negative(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "b.jpg")
    write_photo(raw / "JPEGImages" / "c.jpg")
    write_coco(raw / "instances.json", {"b.jpg": []})
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12]], "b.jpg": [], "c.jpg": []}
    assert rows == [("JPEGImages/c.jpg", "photo_without_annotation", "taken as a photo without objects")]


def test_several_coco_files_add_up(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for split, seed in (("train", 1), ("valid", 2)):
        write_photo(raw / split / "a.jpg", seed=seed)
        write_coco(raw / split / "_annotations.coco.json", {"a.jpg": [GAP]})
    more = coco({"train/a.jpg": [{**GAP, "category_id": 1}, {"bbox": [1, 1, 9, 9], "category_id": 1}]})
    more["categories"] = [{"id": 1, "name": "gap"}, {"id": 2, "name": "never used"}]
    (raw / "more.json").write_text(json.dumps(more))
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12], [1, 1, 9, 9]], "a-2.jpg": [[5, 4, 15, 12]]}
    assert annotations["categories"] == [{"id": 1, "name": "gap"}]
    assert (report["coco_files"], report["duplicate_objects"]) == (3, 1)
    assert rows == []


def test_every_mismatch_is_listed(raw: Path) -> None:
    write_voc(raw / "Annotations" / "gone.xml", [BOX])
    write_photo(raw / "JPEGImages" / "alone.jpg")
    write_photo(raw / "JPEGImages" / "other.png")
    write_voc(raw / "Annotations" / "other.xml", [BOX], name="other.jpg")
    write_photo(raw / "store1" / "same.jpg")
    write_photo(raw / "store2" / "same.jpg")
    write_voc(raw / "Annotations" / "same.xml", [BOX])
    write_photo(raw / "JPEGImages" / "size.jpg")
    write_voc(raw / "Annotations" / "size.xml", [BOX], size=(80, 60))
    write_photo(raw / "JPEGImages" / "nosize.jpg")
    write_voc(raw / "Annotations" / "nosize.xml", [BOX], size=(0, 0))
    write_voc(raw / "Annotations" / "more" / "a.xml", [BOX])
    write_photo(raw / "JPEGImages" / "broken.jpg")
    (raw / "Annotations" / "broken.xml").write_text("<annotation>")
    write_photo(raw / "originals" / "a.png")
    annotations, rows, _ = ingest(raw)
    assert kinds(rows) == [
        ("Annotations/broken.xml", "unreadable_annotation"),
        ("Annotations/gone.xml", "annotation_without_photo"),
        ("Annotations/more/a.xml", "duplicate_annotation"),
        ("Annotations/nosize.xml", "different_size"),
        ("Annotations/other.xml", "different_name"),
        ("Annotations/same.xml", "ambiguous_name"),
        ("Annotations/size.xml", "different_size"),
        ("JPEGImages/alone.jpg", "photo_without_annotation"),
        ("JPEGImages/broken.jpg", "photo_left_out"),
        ("JPEGImages/size.jpg", "photo_left_out"),
        ("originals/a.png", "photo_left_out"),
        ("store1/same.jpg", "photo_left_out"),
        ("store2/same.jpg", "photo_left_out"),
    ]
    reasons = {file: reason for file, _, reason in rows}
    assert reasons["Annotations/size.xml"].startswith("annotates JPEGImages/size.jpg as 80 x 60, but it is 40 x 30")
    assert "store1/same.jpg, store2/same.jpg" in reasons["Annotations/same.xml"]
    one = [[5, 4, 15, 12]]
    assert boxes(annotations) == {"a.jpg": one, "alone.jpg": [], "nosize.jpg": one, "other.png": one}


def test_the_name_of_the_file_counts_where_the_name_in_it_is_stale(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "copy.jpg")
    write_voc(raw / "Annotations" / "copy.xml", [(1, 1, 9, 9)], name="a.jpg")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12]], "copy.jpg": [[1, 1, 8, 8]]}
    assert kinds(rows) == [("Annotations/copy.xml", "different_name")]


def test_the_name_in_the_file_counts_where_no_photo_has_the_files_own(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "b.jpg")
    write_voc(raw / "Annotations" / "000002.xml", [(1, 1, 9, 9)], name="b.jpg")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12]], "b.jpg": [[1, 1, 8, 8]]}
    assert rows == []


@pytest.mark.parametrize(
    "name", ["../secret.jpg", "{outside}/secret.jpg", "..\\secret.jpg", "link.jpg", "out/secret.jpg"]
)
def test_no_annotation_reaches_a_photo_outside(name: str, raw: Path) -> None:
    outside = raw.parent
    write_photo(outside / "secret.jpg", seed=1)
    (raw / "link.jpg").symlink_to(outside / "secret.jpg")
    (raw / "out").symlink_to(outside)
    name = name.format(outside=outside)
    write_voc(raw / "Annotations" / "x.xml", [BOX], name=name)
    write_coco(raw / "instances.json", {name: [GAP]})
    annotations, rows, _ = ingest(raw)
    assert list(boxes(annotations)) == ["a.jpg"]
    assert kinds(rows) == [
        ("Annotations/x.xml", "annotation_without_photo"),
        ("instances.json", "annotation_without_photo"),
        ("link.jpg", "unsafe_file"),
        ("out", "unsafe_file"),
    ]


def test_photos_that_cannot_be_read_do_not_stop_the_others(raw: Path) -> None:
    (raw / "JPEGImages" / "empty.jpg").touch()
    (raw / "JPEGImages" / "words.jpg").write_text("words")
    whole = (raw / "JPEGImages" / "a.jpg").read_bytes()
    (raw / "JPEGImages" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    write_voc(raw / "Annotations" / "half.xml", [BOX])
    write_photo(raw / "JPEGImages" / "large.jpg", size=(100, 90))
    annotations, rows, report = ingest(raw, max_pixels=8000)
    assert list(boxes(annotations)) == ["a.jpg"]
    assert {kind for _, kind, _ in rows} == {"unreadable_photo"}
    assert [reason.split(":")[0] for _, _, reason in rows] == [
        "empty file",
        "damaged",
        "100 x 90 are 9000 pixels, more than max_pixels=8000",
        "no photo in a format that is read (JPEG, PNG, BMP, DIB, TIFF, WEBP, GIF, PPM, AVIF, HEIF)",
    ]
    assert report["quarantine"] == {"unreadable_photo": 4}


def test_photos_that_an_unreadable_coco_file_may_describe_are_no_negatives(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "b.jpg")
    (raw / "instances.json").write_text('{"images": [')
    annotations, rows, _ = ingest(raw)
    assert list(boxes(annotations)) == ["a.jpg"]
    assert kinds(rows) == [("JPEGImages/b.jpg", "photo_left_out"), ("instances.json", "unreadable_annotation")]
    (raw / "instances.json").write_text('{"setting": 1}')
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations)["b.jpg"] == []
    assert kinds(rows) == [
        ("JPEGImages/b.jpg", "photo_without_annotation"),
        ("instances.json", "unreadable_annotation"),
    ]


def test_bad_boxes_are_refused_with_a_count_and_clipped_ones_counted(raw: Path) -> None:
    bad = [(50, 2, 60, 9), (60, 2, 70, 9), (9, 2, 5, 9), (3, 3, 3, 9), ("nan", 1, 9, 9), (1, 1, 9, 9, "")]
    write_voc(raw / "Annotations" / "a.xml", [BOX, BOX, *bad, (30, 20, 50, 50)])
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12], [30, 20, 10, 10]]}
    assert rows == [
        ("Annotations/a.xml", "refused_object", f"{count} objects on JPEGImages/a.jpg: {reason}")
        for reason, count in sorted(report["refused_objects"].items(), key=lambda item: (item[1], item[0]))
    ]
    assert report["refused_objects"] == {
        "box wholly outside the photo": 2,
        "box narrower or lower than min_box_px=2": 1,
        "box with a value that is no number": 1,
        "inverted box": 1,
        "no category": 1,
    }
    assert (report["clipped_boxes"], report["duplicate_objects"]) == (1, 1)


def test_bad_polygons_are_refused(raw: Path) -> None:
    good = [5, 4, 20, 4, 20, 16]
    items = [{**GAP, "segmentation": [good, [1, 2, 3]]}, {"bbox": [1, 1, 9, 9], "segmentation": [[1, 2, 3, 4]]}]
    write_coco(raw / "instances.json", {"a.jpg": items})
    annotations, rows, report = ingest(raw)
    assert [item["segmentation"] for item in annotations["annotations"]] == [[good]]
    assert report["refused_objects"] == {"polygon with fewer than 3 points": 1}
    assert report["refused_polygons"] == {"polygon with an odd number of coordinates": 1}
    assert [kind for _, kind, _ in rows].count("refused_object") == 2


def test_only_the_categories_asked_for_are_kept_in_that_order(raw: Path) -> None:
    write_photo(raw / "JPEGImages" / "b.jpg")
    write_voc(raw / "Annotations" / "b.xml", [(1, 1, 9, 9, "hand")])
    write_voc(raw / "Annotations" / "a.xml", [BOX, (1, 1, 9, 9, "label")])
    annotations, rows, report = ingest(raw, categories=("label", "gap", "shelf"))
    assert [category["name"] for category in annotations["categories"]] == ["label", "gap"]
    assert {name: len(found) for name, found in boxes(annotations).items()} == {"a.jpg": 2, "b.jpg": 0}
    assert report["objects_of_other_categories"] == 1
    assert report["objects_by_category"] == {"gap": 1, "label": 1}
    assert rows == [("", "missing_category", "no object of the category 'shelf' in shelf.ingest.categories")]
    names = [category["name"] for category in ingest(raw)[0]["categories"]]
    assert names == ["gap", "hand", "label"]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("of_stored", [True, False])
def test_annotations_of_the_stored_photo_turn_with_it(orientation: int, of_stored: bool, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg", orientation=orientation)
    turn = turn_of(orientation)
    size = (40, 30) if of_stored else (30, 40)
    polygon = [[5, 4, 20, 4, 20, 16]]
    write_coco(raw / "instances.json", {"a.jpg": [{**GAP, "segmentation": polygon}]}, size)
    annotations, rows, report = ingest(raw)
    assert (annotations["images"][0]["width"], annotations["images"][0]["height"]) == (30, 40)
    corners = np.array([BOX[:2], BOX[2:]], dtype=float)
    points = np.array(polygon, dtype=float).reshape(-1, 2)
    if of_stored:
        corners, points = (turn.turn_points(array, Size(40, 30)) for array in (corners, points))
    low, high = corners.min(axis=0), corners.max(axis=0)
    assert annotations["annotations"][0]["bbox"] == [*low, *(high - low)]
    assert annotations["annotations"][0]["segmentation"] == [points.ravel().tolist()]
    assert report["turned_annotations"] == int(of_stored)
    assert (report["photos_turned"], rows) == (1, [])


def test_both_formats_give_the_same_turned_boxes(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg", orientation=6)
    write_voc(raw / "a.xml", [BOX])
    write_coco(raw / "a.json", {"a.jpg": [GAP]})
    assert ingest(raw, annotations="voc")[0] == ingest(raw, annotations="coco")[0]


NUMBERS = st.floats(-20, 60).map(lambda value: round(value, 2)) | st.integers(-5, 45).map(float)
BOXES = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(photos=st.lists(BOXES, min_size=1, max_size=4), orientation=st.sampled_from([1, 6]))
def test_both_formats_give_the_same_boxes(
    photos: list[list[Box]], orientation: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = tmp_path_factory.mktemp("both") / "raw"
    photos = [[*photos[0], BOX], *photos[1:]]
    for number, found in enumerate(photos):
        write_photo(raw / "JPEGImages" / f"{number}.jpg", orientation=orientation)
        write_voc(raw / "Annotations" / f"{number}.xml", found)
    items = {f"{number}.jpg": [{"bbox": to_coco_box(box)} for box in found] for number, found in enumerate(photos)}
    write_coco(raw / "instances.json", items)
    (voc, _, voc_report), (from_coco, _, coco_report) = (ingest(raw, annotations=form) for form in ("voc", "coco"))
    assert voc["images"] == from_coco["images"]
    assert voc["categories"] == from_coco["categories"]
    # Left + width is not quite right, so a box at the limit of min_box_px may fall on either side.
    limit = [item for item in (*voc["annotations"], *from_coco["annotations"]) if min(item["bbox"][2:]) < 2.001]
    if not limit:
        assert len(voc["annotations"]) == len(from_coco["annotations"])
        for one, other in zip(voc["annotations"], from_coco["annotations"], strict=True):
            assert one["bbox"] == pytest.approx(other["bbox"], abs=1e-3)
            assert one["image_id"] == other["image_id"]
        assert voc_report["clipped_boxes"] == coco_report["clipped_boxes"]


def test_the_result_does_not_depend_on_the_number_of_processes(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_import, "_BYTES_A_WORKER", 1)
    for number in range(4):
        write_photo(raw / "JPEGImages" / f"{number}.jpg", seed=number)
    (raw / "JPEGImages" / "bad.jpg").touch()
    one, two = (ingest(raw, workers=workers) for workers in (1, 2))
    assert one[:2] == two[:2]


def test_a_folder_without_photos_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"no photos in {tmp_path}: photos go there, .*Annotations/\*\.xml"):
        ingest_folder(tmp_path, IngestParams(), tmp_path / "photos")


def test_a_folder_without_objects_is_named_with_what_was_put_aside(raw: Path) -> None:
    write_voc(raw / "Annotations" / "a.xml", [(9, 9, 1, 1)])
    with pytest.raises(ValueError, match=rf"1 photos and no objects are left of {raw} \(1 refused_object\)") as caught:
        ingest(raw)
    assert "1 objects on JPEGImages/a.jpg: inverted box" in str(caught.value)
    with pytest.raises(ValueError, match=r"shelf\.ingest\.categories \['shelf'\]"):
        ingest(raw, categories=("shelf",))


def test_a_folder_of_bad_photos_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ValueError, match=r"0 photos and no objects .*1 unreadable_photo.*a\.jpg: empty file"):
        ingest_folder(tmp_path, IngestParams(workers=1), tmp_path / "photos")


@pytest.mark.real_data
@pytest.mark.parametrize(("form", "masks"), [("auto", 333), ("coco", 333), ("voc", 0)])
def test_real_photos_are_ingested_whole(form: str, masks: int, shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "shelf" / "empty_shelf_voc"
    params = IngestParams(annotations=form, workers=1)  # type: ignore[arg-type]
    annotations, quarantine, report = ingest_folder(raw, params, tmp_path)
    Annotations.validate(annotations)
    assert (report["photos"], report["photos_copied"], report["objects"]) == (120, 120, 333)
    assert report["objects_with_masks"] == masks
    pd.testing.assert_frame_equal(quarantine, quarantine.iloc[:0])


def test_a_coco_file_in_shares_stops_the_run_with_cause_and_cure(tmp_path: Path) -> None:
    write_photo(tmp_path / "raw/a.jpg")
    write_coco(tmp_path / "raw/shares.json", {"a.jpg": [{"bbox": [0.125, 0.2, 0.5, 0.5]}]})
    told = r"no objects are left .*shares.json: all coordinates are between 0 and 1, .*in pixels: multiply"
    with pytest.raises(ValueError, match=told):
        ingest(tmp_path / "raw")
