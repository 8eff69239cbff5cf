from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from triptych.video.stylizing.motion import find_motion, sharpness, warping_error

Frame = NDArray[np.uint8]


def texture(seed: int = 0, size: tuple[int, int] = (120, 160)) -> Frame:
    """Draw a smooth random picture, larger than a frame."""
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3).astype(float)
    return np.asarray(np.clip((blurred - blurred.mean()) * 5 + 128, 0, 255), np.uint8)


def pan(picture: Frame, steps: list[int], size: tuple[int, int] = (96, 112)) -> list[Frame]:
    return [picture[8 : 8 + size[0], 8 + step : 8 + step + size[1]] for step in steps]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(0, 100))
def test_the_motion_of_a_pan_is_found(step: int, seed: int) -> None:
    before, after = pan(texture(seed), [0, step])
    motion = find_motion(before, after)
    columns = np.arange(after.shape[1], dtype=np.float32)
    inner = (slice(16, -16), slice(16, -24))
    assert np.median(np.abs((motion.columns - columns)[inner] - step)) < 0.3
    assert motion.seen[inner].mean() > 0.8


def test_a_pan_has_little_warping_error_and_flicker_has_its_size() -> None:
    frames = pan(texture(), [0, 2, 4, 6])
    still = warping_error(frames, frames)
    assert still < 3
    flickering = [np.clip(frame.astype(int) + (10 if number % 2 else -10), 0, 255).astype(np.uint8)
                  for number, frame in enumerate(frames)]  # fmt: skip
    assert warping_error(frames, flickering) == pytest.approx(20, abs=3)


def test_what_was_not_seen_before_does_not_count() -> None:
    first, second = pan(texture(), [0, 0])
    second = second.copy()
    second[30:60, 40:80] = np.where(first[30:60, 40:80] < 128, 255, 0)
    motion = find_motion(first, second)
    assert motion.seen[34:56, 44:76].mean() < 0.6
    assert motion.seen[70:, :].mean() > 0.9


def test_a_large_frame_has_the_motion_of_a_small_one() -> None:
    larger = (cv2.resize(frame, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC) for frame in pan(texture(), [0, 2]))
    frames = [np.asarray(frame, np.uint8) for frame in larger]
    motion = find_motion(frames[0], frames[1])
    columns = np.arange(frames[0].shape[1], dtype=np.float32)
    assert motion.columns.shape == frames[0].shape[:2]
    assert np.median(np.abs((motion.columns - columns)[200:500, 200:600] - 16)) < 1.5


@pytest.mark.parametrize("size", [(2, 2), (1, 40), (17, 3)])
def test_tiny_frames_work(size: tuple[int, int]) -> None:
    frames = [np.full((*size, 3), value, np.uint8) for value in (10, 13)]
    assert warping_error(frames, frames) == pytest.approx(3, abs=0.1)


def test_one_frame_has_no_warping_error() -> None:
    frame = texture()
    assert warping_error([frame], [frame]) == 0


def test_different_numbers_of_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="2 frames before and 1 after"):
        warping_error([texture(), texture()], [texture()])


def test_a_blurred_frame_is_less_sharp() -> None:
    frame = texture()
    assert sharpness(cv2.GaussianBlur(frame, (0, 0), 2).astype(np.uint8)) < sharpness(frame) / 2
