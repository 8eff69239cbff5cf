"""Photos, boxes and points turn alike, and as Pillow turns photos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from triptych.pipelines.shelf.orientation import UPRIGHT, Size, turn_of

SIZE = Size(7, 4)
every_orientation = pytest.mark.parametrize("orientation", range(1, 9))


@every_orientation
def test_pixels_turn_as_pillow_turns_them(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    turned = turn_of(orientation).turn_pixels(pixels)
    assert np.array_equal(turned, expected)
    assert turn_of(orientation).turn_size(SIZE) == (expected.shape[1], expected.shape[0])


@every_orientation
def test_points_turn_with_their_pixels(orientation: int) -> None:
    turn = turn_of(orientation)
    for x, y in [(0, 0), (6, 0), (2, 3)]:
        pixels = np.zeros((SIZE.height, SIZE.width), np.uint8)
        pixels[y, x] = 1
        row, column = np.argwhere(turn.turn_pixels(pixels))[0]
        middle = turn.turn_points(np.array([[x + 0.5, y + 0.5]]), SIZE)
        assert middle.tolist() == [[column + 0.5, row + 0.5]]


@pytest.mark.parametrize("orientation", [None, 0, 1, 9, "6", 6.5])
def test_what_is_no_orientation_is_upright(orientation: object) -> None:
    assert turn_of(orientation) == UPRIGHT
