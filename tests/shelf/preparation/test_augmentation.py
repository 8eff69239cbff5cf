from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.model.preprocessing import PADDING
from triptych.shelf.params import AugmentationParams
from triptych.shelf.preparation.augmentation import Variation, change_colours, change_pixels, draw_variation, place

SHARES = st.floats(0, 1)
VARIATIONS = st.builds(
    Variation, flip=st.booleans(), scale=st.floats(0.5, 2), shift=st.tuples(SHARES, SHARES), brightness=st.just(1.0)
)
SIDES = st.integers(24, 80)


@given(VARIATIONS, SIDES, SIDES, st.data())
def test_boxes_go_where_the_pixels_go(variation: Variation, height: int, width: int, data: Any) -> None:
    left, top = data.draw(st.integers(0, width - 8)), data.draw(st.integers(0, height - 8))
    right, bottom = data.draw(st.integers(left + 6, width)), data.draw(st.integers(top + 6, height))
    image = np.zeros((height, width), np.uint8)
    image[top:bottom, left:right] = 255
    placement = place(variation, (height, width), (height, width))
    moved = placement.move_pixels(image) > 127
    (box,) = placement.move_boxes(np.array([[left, top, right, bottom]], np.float32))
    assert (box >= 0).all()
    assert (box <= [width, height, width, height]).all()
    if min(box[2] - box[0], box[3] - box[1]) < 1.5:  # hardly anything is left on the picture
        return
    rows, columns = np.flatnonzero(moved.any(axis=1)), np.flatnonzero(moved.any(axis=0))
    extent = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    # Half a pixel by rounding, and the blur of enlarging.
    assert np.abs(box - extent).max() <= 0.51 + variation.scale / 2


@given(VARIATIONS, SIDES, SIDES, st.tuples(SIDES, SIDES))
def test_an_unscaled_photo_fills_the_area(
    variation: Variation, height: int, width: int, target: tuple[int, int]
) -> None:
    plain = Variation(flip=variation.flip, shift=variation.shift)
    placement = place(plain, (height, width), target)
    whole = placement.move_boxes(np.array([[0, 0, width, height]], np.float32))
    np.testing.assert_allclose(whole, [[0, 0, target[1], target[0]]], atol=1e-3)


def test_without_a_variation_nothing_changes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    placement = place(Variation(), (20, 30), (20, 30))
    assert placement.move_pixels(image) is image
    assert change_colours(image, Variation()) is image


def test_mirroring_is_exact_and_its_own_inverse() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
    placement = place(Variation(flip=True), (20, 31), (20, 31))
    mirrored = placement.move_pixels(image)
    np.testing.assert_array_equal(mirrored, image[:, ::-1])
    np.testing.assert_array_equal(placement.move_pixels(mirrored), image)


def test_a_smaller_photo_is_surrounded_by_the_mean_colour() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    moved = place(Variation(scale=0.5, shift=(1.0, 1.0)), (20, 30), (20, 30)).move_pixels(image, fill=PADDING)
    np.testing.assert_array_equal(moved[0, 0], PADDING)
    np.testing.assert_array_equal(moved[-1, -1], 0)


@pytest.mark.parametrize(
    ("variation", "expected"),
    [
        (Variation(brightness=0.5), [[50, 25, 10], [20, 20, 20]]),
        (Variation(saturation=0.0), [[62, 62, 62], [40, 40, 40]]),
        (Variation(contrast=0.0), [[51, 51, 51], [51, 51, 51]]),
    ],
)
def test_colours(variation: Variation, expected: list[list[int]]) -> None:
    image = np.array([[[100, 50, 20], [40, 40, 40]]], np.uint8)
    assert np.abs(change_colours(image, variation)[0].astype(int) - expected).max() <= 1


def test_draws_are_within_the_parameters_and_use_them() -> None:
    params = AugmentationParams(flip=0.25, scale=(0.5, 2.0), colour=0.3)
    rng = np.random.default_rng(0)
    drawn = [draw_variation(rng, params) for _ in range(2000)]
    assert np.mean([variation.flip for variation in drawn]) == pytest.approx(0.25, abs=0.04)
    scales = np.array([variation.scale for variation in drawn])
    assert 0.5 <= scales.min() < 0.55 < 1.8 < scales.max() <= 2
    assert np.median(scales) == pytest.approx(1.0, abs=0.1)  # as often smaller as larger
    colours = np.array([[v.brightness, v.contrast, v.saturation] for v in drawn])
    assert 0.7 <= colours.min() < 0.72 < 1.28 < colours.max() <= 1.3


def test_no_augmentation_leaves_photos_alone() -> None:
    params = AugmentationParams(flip=0, scale=(1.0, 1.0), colour=0)
    variation = draw_variation(np.random.default_rng(1), params)
    assert (variation.flip, variation.scale, variation.brightness, variation.saturation) == (False, 1, 1, 1)


@given(
    st.builds(
        Variation,
        flip=st.booleans(),
        scale=st.floats(0.5, 2),
        shift=st.tuples(SHARES, SHARES),
        rotation=st.floats(-20, 20),
        tilt=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
    )
)
def test_corners_go_where_opencv_puts_them(variation: Variation) -> None:
    placement = place(variation, (60, 90), (80, 120))
    corners = np.array([[[20, 10], [70, 10], [20, 40], [70, 40]]], np.float64)
    moved = cv2.perspectiveTransform(corners, placement.matrix)[0]
    spread = placement.spread_boxes(np.array([[20, 10, 70, 40]], np.float32))[0]
    np.testing.assert_allclose(spread, [*moved.min(axis=0), *moved.max(axis=0)], atol=1e-3)


def test_turned_pixels_stay_in_their_box() -> None:
    image = np.zeros((80, 100), np.uint8)
    image[30:50, 40:70] = 255
    turned = Variation(rotation=12.0, tilt=(0.1, -0.05), flip=True)
    placement = place(turned, (80, 100), (80, 100))
    moved = placement.move_pixels(image) > 127
    rows, columns = np.flatnonzero(moved.any(axis=1)), np.flatnonzero(moved.any(axis=0))
    (box,) = placement.move_boxes(np.array([[40, 30, 70, 50]], np.float32))
    assert np.abs(box - [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).max() <= 1.5
    assert moved.sum() == pytest.approx(20 * 30, rel=0.15)
    quarter = place(Variation(rotation=90), (80, 80), (80, 80))
    (box,) = quarter.move_boxes(np.array([[0, 0, 80, 20]], np.float32))
    np.testing.assert_allclose(box, [60, 0, 80, 80], atol=1e-3)


def test_a_much_smaller_photo_is_averaged() -> None:
    stripes = np.zeros((80, 80), np.uint8)
    stripes[:, ::4] = 255  # every fourth column: interpolation between two would meet it or not
    small = place(Variation(scale=0.25, shift=(0, 0)), (80, 80), (80, 80)).move_pixels(stripes)[2:18, 2:18]
    assert np.abs(small.astype(int) - 64).max() <= 1


def test_blur_and_jpeg_change_little_on_average() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    blurred = change_pixels(image, Variation(blur=1.0))
    assert blurred.std() < image.std() * 0.6
    assert blurred.mean() == pytest.approx(image.mean(), abs=2)
    smooth = np.dstack([np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))] * 3)
    smooth[..., 0] = 200
    saved = change_pixels(smooth, Variation(jpeg_quality=90))
    assert not np.array_equal(saved, smooth)
    assert np.abs(saved.astype(int) - smooth).mean() < 4


def test_degradation_is_drawn_as_often_as_it_says() -> None:
    params = AugmentationParams(degrade=0.3, blur_px=2.0, rotation_deg=5.0, perspective=0.1)
    rng = np.random.default_rng(0)
    drawn = [draw_variation(rng, params) for _ in range(1000)]
    for share in (np.mean([v.blur > 0 for v in drawn]), np.mean([v.jpeg_quality > 0 for v in drawn])):
        assert share == pytest.approx(0.3, abs=0.05)
    assert max(v.blur for v in drawn) <= 2
    assert 30 <= min(v.jpeg_quality for v in drawn if v.jpeg_quality) <= max(v.jpeg_quality for v in drawn) <= 94
    assert 4.5 < max(abs(v.rotation) for v in drawn) <= 5
    assert 0.09 < max(abs(share) for v in drawn for share in v.tilt) <= 0.1
