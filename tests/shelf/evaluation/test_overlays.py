"""Overlays show what was found, what falsely, what was missed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.shelf.shapes import detect, make_truth
from triptych.shelf.evaluation.overlays import (
    COLOURS,
    FALSE,
    FOUND,
    MISSED,
    Mark,
    Picture,
    arrange,
    draw_overlay,
    mark_detections,
    mark_photo,
)

A, B, C = [10.0, 10.0, 40.0, 40.0], [100.0, 10.0, 40.0, 40.0], [10.0, 100.0, 60.0, 60.0]
GREY = np.full((200, 200, 3), 128, np.uint8)
ONE, TWO = {1: "gap"}, {1: "gap", 2: "label"}


def has_colour(picture: Picture, kind: str) -> bool:
    return bool((picture == np.array(COLOURS[kind], np.uint8)).all(axis=2).any())


def test_photos_are_marked_in_the_order_of_drawing() -> None:
    objects = make_truth({1: [A, B, C]})["annotations"]
    found = [detect(1, [150.0, 150.0, 30.0, 30.0], 0.95), detect(1, B, 0.8), detect(1, A, 0.6)]
    marks = mark_photo(objects, found, 0.5, ONE)
    assert [(mark.kind, mark.text) for mark in marks] == [
        (FOUND, "0.60"),
        (FOUND, "0.80"),
        (FALSE, "0.95"),
        (MISSED, ""),
    ]
    assert marks[-1].item["bbox"] == C


def test_categories_are_named_where_there_are_several() -> None:
    objects = make_truth({1: [C]})["annotations"]
    assert [mark.text for mark in mark_photo(objects, [detect(1, A, 0.6, 2)], 0.5, TWO)] == ["label 0.60", "gap"]
    assert [mark.text for mark in mark_detections([detect(1, A, 0.9, 2), detect(1, B, 0.5)], TWO)] == [
        "gap 0.50",
        "label 0.90",
    ]


def test_what_lies_in_a_crowd_is_not_drawn() -> None:
    assert mark_photo(make_truth({1: [A]}, iscrowd=1)["annotations"], [detect(1, A, 0.9)], 0.5, ONE) == []


@pytest.mark.parametrize("kind", [FOUND, FALSE, MISSED])
@pytest.mark.parametrize("masks", [True, False])
def test_each_kind_has_its_colour_where_the_object_is(kind: str, masks: bool) -> None:
    item = make_truth({1: [A]}, masks=masks)["annotations"][0]
    before = GREY.copy()
    picture = draw_overlay(GREY, [Mark(kind, item, "0.93")], "1.jpg", side_px=400)
    assert (before == GREY).all()
    photo = picture[:400]
    assert has_colour(photo[10:110, 10:110], kind)
    assert not any(has_colour(photo, other) for other in COLOURS if other != kind)
    assert (photo[140:, :] == 128).all()
    assert (photo[:, 140:] == 128).all()
    tinted = not (photo[50:70, 50:70] == 128).all()
    assert tinted is masks
    assert all(has_colour(picture[400:], other) for other in COLOURS)


def test_only_misses_are_dashed() -> None:
    item = make_truth({1: [A]}, masks=False)["annotations"][0]
    solid, dashed = (draw_overlay(GREY, [Mark(kind, item, "")], "1.jpg", 400)[:400] for kind in (FOUND, MISSED))
    along = slice(24, 96)
    drawn = [(picture[along, 20] != 128).any(axis=1).mean() for picture in (solid, dashed)]
    assert drawn[0] == 1
    assert 0.3 < drawn[1] < 0.8


@pytest.mark.parametrize("shape", [(256, 384), (640, 640), (1000, 30), (7, 9), (1, 1)])
def test_photos_of_any_shape_come_to_the_size_asked_for(shape: tuple[int, int]) -> None:
    photo = np.zeros((*shape, 3), np.uint8)
    edge = {"category_id": 1, "bbox": [shape[1] - 1.0, 0.0, 1.0, 1.0], "score": 0.5}
    picture = draw_overlay(photo, [Mark(FOUND, edge, "0.50")], "a rather long name of a photo.jpg", 512)
    height, width = picture.shape[0], picture.shape[1]
    assert max(height - 24, width) == pytest.approx(512, abs=12)
    assert picture.dtype == np.uint8
    assert (draw_overlay(photo, [], "x", 512) == draw_overlay(photo, [], "x", 512)).all()


def test_an_empty_mask_is_drawn_as_its_box() -> None:
    item = detect(1, A, 0.9) | {"segmentation": {"size": [200, 200], "counts": [40000]}}
    assert has_colour(draw_overlay(GREY, [Mark(FOUND, item, "")], "1.jpg", 400)[:400], FOUND)


def test_the_legend_names_only_what_is_asked_for() -> None:
    picture = draw_overlay(GREY, [], "1.jpg", 400, kinds=(FOUND,))
    assert has_colour(picture, FOUND)
    assert not has_colour(picture, MISSED)


def test_pictures_are_arranged_in_rows() -> None:
    pictures = [np.full((height, 30, 3), height, np.uint8) for height in (20, 10, 40, 15)]
    sheet = arrange(pictures, columns=3, gap_px=5)
    assert sheet.shape == (5 + 45 + 20, 5 + 3 * 35, 3)
    for value, size in ((20, 20), (10, 10), (40, 40), (15, 15)):
        assert (sheet == value).all(axis=2).sum() == 30 * size
    assert (sheet[5:25, 5:35] == 20).all()
    assert (sheet[50:65, 5:35] == 15).all()
    assert arrange([]).shape == (1, 1, 3)
    assert arrange(pictures[:1], gap_px=5).shape == (30, 40, 3)
