"""The rendered shelves: the same every time, and annotated exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from defusedxml import ElementTree
from numpy.typing import NDArray
from pycocotools.coco import COCO

from triptych.samples.masks import MIN_SIDE_PX
from triptych.samples.shelves import Photo, main, render_photo, render_photos, write_photos

SIZE = (192, 128)
PHOTOS = 24


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    return list(render_photos(3, PHOTOS, *SIZE))


@pytest.fixture(scope="module")
def folder(photos: list[Photo], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shelf")
    write_photos(out, iter(photos))
    return out


def read_coco(folder: Path) -> COCO:
    coco = COCO()
    coco.dataset = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    coco.createIndex()
    return coco


def read_photo(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path)), dtype=np.uint8)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    for out, workers in (("a", "1"), ("b", "2")):
        place = ["--out", str(tmp_path / out), "--workers", workers]
        main([*place, "--photos", "3", "--size", "192x128", "--seed", "5"])
    assert len(contents(tmp_path / "a")) == 7
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_fewer_photos_are_the_beginning_of_more(folder: Path, tmp_path: Path) -> None:
    main(["--out", str(tmp_path), "--photos", "4", "--size", "192x128", "--seed", "3", "--quality", "85"])
    fewer, more = contents(tmp_path), contents(folder)
    few, many = (json.loads(files.pop("instances.json")) for files in (fewer, more))
    assert fewer.items() <= more.items()
    assert many["images"][:4] == few["images"]
    assert many["annotations"][: len(few["annotations"])] == few["annotations"]


def test_another_seed_gives_other_photos(photos: list[Photo]) -> None:
    other = render_photo(4, 1, *SIZE)
    assert np.mean(other.pixels != photos[0].pixels) > 0.9


def test_a_photo_keeps_its_scene_at_another_size(photos: list[Photo]) -> None:
    small = photos[1].pixels
    large = render_photo(3, 2, 2 * SIZE[0], 2 * SIZE[1]).pixels
    assert large.shape == (256, 384, 3)
    alike = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
    assert np.corrcoef(alike.ravel(), small.ravel())[0, 1] > 0.8


def test_most_photos_have_gaps_and_some_have_none(photos: list[Photo]) -> None:
    counts = [len(photo.gaps) for photo in photos]
    assert 0 < counts.count(0) < PHOTOS / 2
    assert sum(counts) > PHOTOS


def test_voc_and_coco_agree(folder: Path) -> None:
    coco = read_coco(folder)
    assert len(coco.imgs) == PHOTOS
    for image_id, image in coco.imgs.items():
        assert read_photo(folder / "JPEGImages" / image["file_name"]).shape == (image["height"], image["width"], 3)
        root = ElementTree.parse(folder / "Annotations" / f"{Path(image['file_name']).stem}.xml").getroot()
        assert root is not None
        assert root.findtext("filename") == image["file_name"]
        assert (root.findtext("size/width"), root.findtext("size/height")) == (str(SIZE[0]), str(SIZE[1]))
        assert [edges(item) for item in root.findall("object")] == [
            (x, y, x + w, y + h) for x, y, w, h in (a["bbox"] for a in coco.imgToAnns[image_id])
        ]


def edges(item: Any) -> tuple[int, ...]:
    return tuple(int(item.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))


def test_polygons_fill_the_masks(folder: Path, photos: list[Photo]) -> None:
    coco = read_coco(folder)
    for photo, image_id in zip(photos, coco.imgs, strict=True):
        for gap, annotation in zip(photo.gaps, coco.imgToAnns[image_id], strict=True):
            drawn = coco.annToMask(annotation).astype(bool)
            assert (drawn & gap.mask).sum() / (drawn | gap.mask).sum() > 0.95
            assert annotation["area"] == gap.mask.sum()


def test_boxes_are_the_bounds_of_masks_that_are_large_enough(photos: list[Photo]) -> None:
    for photo in photos:
        for gap in photo.gaps:
            left, top, right, bottom = gap.box
            assert 0 <= left < right <= SIZE[0]
            assert 0 <= top < bottom <= SIZE[1]
            assert min(right - left, bottom - top) >= MIN_SIDE_PX
            assert gap.mask[top:bottom, left:right].sum() == gap.mask.sum()
            assert all(gap.mask[:, x].any() for x in (left, right - 1))
            assert all(gap.mask[y].any() for y in (top, bottom - 1))


def test_masks_of_a_photo_do_not_overlap(photos: list[Photo]) -> None:
    for photo in photos:
        if photo.gaps:
            assert np.sum([gap.mask for gap in photo.gaps], axis=0).max() == 1


def test_gaps_are_darker_than_the_rest(photos: list[Photo]) -> None:
    darker = [
        photo.pixels[gap.mask].mean() < photo.pixels[~np.any([g.mask for g in photo.gaps], axis=0)].mean()
        for photo in photos
        for gap in photo.gaps
    ]
    assert np.mean(darker) > 0.9


def test_photos_alone_can_be_written(tmp_path: Path) -> None:
    main(["--out", str(tmp_path / "new"), "--photos", "2", "--size", "96x96", "--photos-only"])
    assert list(contents(tmp_path / "new")) == ["shelf_00001.jpg", "shelf_00002.jpg"]


def test_photos_are_never_mixed_with_earlier_ones(folder: Path, photos: list[Photo]) -> None:
    with pytest.raises(FileExistsError, match="remove them"):
        write_photos(folder, iter(photos[:1]))


@pytest.mark.parametrize("size", ["384", "x256", "384x", "50x256", "0x0", "axb"])
def test_a_wrong_size_is_refused(size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--size", size])
    assert "WIDTHxHEIGHT" in capsys.readouterr().err
