from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.stylizing.test_motion import pan, texture
from triptych.video.media.planes import Planes
from triptych.video.params import SmoothingParams
from triptych.video.stylizing.motion import sharpness, warping_error
from triptych.video.stylizing.smoothing import TemporalSmoother

Frame = NDArray[np.uint8]


def take(frame: Frame) -> Planes:
    y, u, v = (np.ascontiguousarray(frame[..., number]) for number in (1, 0, 2))
    return y, u, v


def join(planes: Planes) -> Frame:
    return np.stack([planes[1], planes[0], planes[2]], -1)


def flicker(frames: list[Frame]) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [np.clip(frame + rng.normal(0, 12, (1, 1, 3)), 0, 255).astype(np.uint8) for frame in frames]


def run(smoothing: SmoothingParams, frames: list[Frame], styled: list[Frame]) -> list[Frame]:
    """Smooth, with a network that gives the styled frames whatever it sees."""
    smoother = TemporalSmoother(smoothing)
    result = []
    for source, painted in zip(frames, styled, strict=True):
        smoother.before(take(source))
        result.append(join(smoother.after(take(source), take(painted))))
    return result


@pytest.fixture
def frames() -> list[Frame]:
    return pan(texture(), [2 * number for number in range(14)], (96, 110))


def test_blending_lessens_flicker_and_keeps_sharpness(frames: list[Frame]) -> None:
    styled = flicker(frames)
    smooth = run(SmoothingParams(method="blend_output", weight=0.5), frames, styled)
    assert warping_error(frames, smooth) < 0.65 * warping_error(frames, styled)
    assert sharpness(smooth[-1]) > 0.8 * sharpness(styled[-1])


def test_averaging_lessens_noise_in_what_the_network_sees(frames: list[Frame]) -> None:
    noisy = flicker(frames)
    smoother = TemporalSmoother(SmoothingParams(method="average_input", weight=0.8))
    # 12 bits, of which this shows 8.
    seen = [np.rint(join(smoother.before(take(frame))) / 16).astype(np.uint8) for frame in noisy]
    assert warping_error(frames, seen) < 0.5 * warping_error(frames, noisy)
    given = take(noisy[0])
    assert smoother.after(take(frames[0]), given) is given


def test_a_still_scene_settles_at_its_mean() -> None:
    frame = texture()
    styled = [np.full_like(frame, value) for value in (100, 120) * 10]
    smooth = run(SmoothingParams(method="blend_output", weight=0.9), [frame] * 20, styled)
    assert abs(int(smooth[-1][50, 50, 0]) - 110) < 5


def test_a_cut_keeps_no_past() -> None:
    before, after = texture(1)[:96, :112], 255 - texture(2)[:96, :112]
    smooth = run(SmoothingParams(method="blend_output", weight=0.9), [before, after], [before, after])
    assert np.abs(smooth[1].astype(int) - after).mean() < np.abs(before.astype(int) - after).mean() / 2


def test_a_segment_that_starts_early_agrees_with_the_whole(frames: list[Frame]) -> None:
    styled, smoothing = flicker(frames), SmoothingParams(method="blend_output", weight=0.5)
    whole = run(smoothing, frames, styled)
    late = run(smoothing, frames[2:], styled[2:])
    assert np.abs(whole[10].astype(int) - late[8]).mean() < 0.25
