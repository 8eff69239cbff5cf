"""CVAT's XML, with every shape it has."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from tests.shelf.data.formats.writers import draw_mask
from tests.shelf.ingesting import boxes, ingest, kinds
from tests.shelf.raw_folders import write_photo
from triptych.shelf.data.formats.cvat import read_cvat
from triptych.shelf.data.formats.masks import encode_crop
from triptych.shelf.data.photo_files import Size
from triptych.shelf.data.records import AnnotationError, RawObject

BOX = '<box label="gap" xtl="5" ytl="4" xbr="20" ybr="16"/>'


def write(folder: Path, *images: str, name: str = "annotations.xml") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = f"<annotations><version>1.1</version><meta/>{''.join(images)}</annotations>"
    (folder / name).write_text(text, encoding="utf-8")


def image(name: str, *shapes: str, more: str = 'width="40" height="30"') -> str:
    return f'<image id="0" name="{name}" {more}>{"".join(shapes)}</image>'


def objects(folder: Path, *shapes: str) -> list[RawObject]:
    write(folder, image("a.jpg", *shapes))
    return read_cvat(folder, "annotations.xml")[0].objects


def test_photos_are_found_by_path_with_their_split(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("a.jpg", "shop 1/é.jpg", "c.jpg"):
        write_photo(raw / "images" / name)
    write(
        raw,
        image("a.jpg", BOX, more='width="40" height="30" subset="Train"'),
        image("shop 1\\é.jpg", more='width="40" height="30" subset="default"'),
        image("gone.jpg", BOX),
        image("c.jpg", BOX, more=""),
    )
    annotations, rows, report = ingest(raw)
    assert boxes(annotations) == {"_.jpg": [], "a.jpg": [[5, 4, 15, 12]], "c.jpg": [[5, 4, 15, 12]]}
    assert {image["file_name"]: image.get("split") for image in annotations["images"]} == {
        "_.jpg": None,
        "a.jpg": "train",
        "c.jpg": None,
    }
    assert kinds(rows) == [("annotations.xml", "annotation_without_photo")]
    assert report["cvat_files"] == 1


def test_a_turned_box_becomes_the_upright_one_around_it(tmp_path: Path) -> None:
    square = '<box label="gap" xtl="10" ytl="10" xbr="20" ybr="20" rotation="{}"/>'
    eighth, quarter, none = objects(tmp_path, *(square.format(degrees) for degrees in ("45.0", "90", "360")))
    half = 5 * math.sqrt(2)
    assert eighth.box == pytest.approx((15 - half, 15 - half, 15 + half, 15 + half))
    assert quarter.box == pytest.approx((10, 10, 20, 20))
    assert none.box == (10, 10, 20, 20)


def test_an_ellipse_turns_clockwise(tmp_path: Path) -> None:
    (item,) = objects(tmp_path, '<ellipse label="gap" cx="20" cy="15" rx="10" ry="1" rotation="45"/>')
    points = np.reshape(item.segmentation[0], (-1, 2)) - (20, 15)
    farthest = points[np.argmax(points[:, 0])]
    assert farthest[1] == pytest.approx(farthest[0], rel=0.1)  # to the right and down


def test_a_mask_is_read_row_by_row(tmp_path: Path) -> None:
    # 0 1 1
    # 1 0 1
    (item,) = objects(tmp_path, '<mask label="gap" rle="1, 3, 1, 1" left="2" top="1" width="3" height="2"/>')
    runs = coco_mask.frPyObjects(item.segmentation, 30, 40)
    assert np.argwhere(coco_mask.decode(runs)).tolist() == [[1, 3], [1, 4], [2, 2], [2, 4]]


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        ('<polyline label="gap" points="1,1;2,2"/>', "polyline, which encloses nothing"),
        ('<points label="gap" points="1,1"/>', "points, which encloses nothing"),
        ('<cuboid label="gap" xtl1="1"/>', "cuboid, which encloses nothing"),
        ('<skeleton label="gap"><points label="1" points="1,1"/></skeleton>', "skeleton, which encloses nothing"),
        ('<box label="gap" xtl="x" ytl="4" xbr="20" ybr="16"/>', "box with a value that is no number"),
        ('<box label="gap"/>', "box with a value that is no number"),
        ('<polygon label="gap" points="1,1;2;3,3"/>', "polygon with a point that is no pair of numbers"),
        ('<mask label="gap" rle="1,2" left="0" top="0" width="9" height="9"/>', "runs do not add up to its box"),
        ('<mask label="gap" rle="1,-2" left="0" top="0" width="9" height="9"/>', "a run that is no length"),
        ('<mask label="gap" rle="" left="0" top="0" width="9" height="9"/>', "a run that is no length"),
        ('<mask label="gap" rle="4" left="0" top="0" width="100000" height="100000"/>', "mask larger than its photo"),
    ],
)
def test_shapes_that_cannot_be_used_are_kept_with_their_fault(shape: str, fault: str, tmp_path: Path) -> None:
    whole, broken = objects(tmp_path, '<tag label="shop"/>', BOX, shape)
    assert (whole.fault, whole.box) == ("", (5, 4, 20, 16))
    assert fault in broken.fault


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotations><track id='0'/></annotations>", "CVAT for video: export it as CVAT for images"),
        ("<annotation/>", "no CVAT for images: its root is <annotation>"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>', "DTDForbidden"),
        (
            '<annotations><image name="a"><box label="g" xtl="0.1" ytl="0.1" xbr="0.5" ybr="1"/></image></annotations>',
            "between 0 and 1",
        ),
    ],
)
def test_other_files_are_refused_with_what_to_do(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(AnnotationError, match=reason):
        read_cvat(tmp_path, "a.xml")


def test_a_damaged_file_may_describe_any_photo(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_photo(raw / "a.jpg")
    write_photo(raw / "b.jpg")
    write(raw, image("a.jpg", BOX), name="good.xml")
    (raw / "bad.xml").write_text("<annotations><image name='b.jpg'>")
    annotations, rows, _ = ingest(raw)
    assert boxes(annotations) == {"a.jpg": [[5, 4, 15, 12]]}
    assert kinds(rows) == [("b.jpg", "photo_left_out"), ("bad.xml", "unreadable_annotation")]


@given(data=st.data(), left=st.integers(-4, 12), top=st.integers(-4, 9))
def test_any_crop_is_what_it_is_on_the_whole_photo(data: st.DataObject, left: int, top: int) -> None:
    wide, high = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 11))
    bits = data.draw(st.lists(st.booleans(), min_size=wide * high, max_size=wide * high))
    crop = np.array(bits).reshape(high, wide)
    whole = np.zeros((45, 45), bool)  # the photo of 10 x 7 in its middle
    whole[15 + top : 15 + top + high, 15 + left : 15 + left + wide] = crop
    runs = encode_crop(crop, left, top, Size(10, 7))
    assert sum(runs["counts"]) == 70
    assert all(run > 0 for run in runs["counts"][1:-1])
    decoded = coco_mask.decode(coco_mask.frPyObjects(runs, 7, 10))
    np.testing.assert_array_equal(decoded, whole[15:22, 15:25])


def test_the_writers_mask_is_the_one_that_pillow_draws() -> None:
    assert draw_mask([[1, 1, 3, 1, 3, 3, 1, 3]], (5, 5)).sum() == 9
