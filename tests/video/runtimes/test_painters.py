import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video.styles import make_frames, save_style
from triptych.openvino_models import has_openvino
from triptych.video.params import StyleParams
from triptych.video.runtimes.making import create_painter
from triptych.video.runtimes.painters import Painter, in_fixed_batches
from triptych.video.runtimes.sizes import pad_length


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_style(tmp_path_factory.mktemp("styles"), 1)


def _make(style: Path, size: tuple[int, int], runtime: str, **params: Any) -> Painter:
    if runtime == "openvino" and not has_openvino():
        pytest.skip("OpenVINO is not installed")
    return create_painter([(1.0, style)], size, StyleParams(runtime=runtime, **params))  # type: ignore[arg-type]


@given(st.integers(1, 5000))
def test_lengths_become_multiples_of_four_from_sixteen_on(length: int) -> None:
    total = length + pad_length(length)
    assert total % 4 == 0
    assert total == 16 if length < 16 else total < length + 4


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (7, 21), (2, 2)])
@pytest.mark.parametrize("runtime", ["eager", "openvino"])
def test_results_have_exactly_the_size_of_the_source(style: Path, size: tuple[int, int], runtime: str) -> None:
    frames = make_frames(3, *size)
    styled = _make(style, size, runtime).paint(frames)
    assert styled.shape == frames.shape
    assert styled.dtype == np.uint8


@pytest.mark.parametrize("runtime", ["openvino", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_runtimes_agree_with_eager(style: Path, runtime: str) -> None:
    frames = make_frames(3, 64, 96)
    fast = _make(style, (64, 96), runtime)
    reference = _make(style, (64, 96), "eager").paint(frames).astype(int)
    assert reference.std() > 5
    difference = np.abs(fast.paint(frames) - reference)
    assert difference.max() <= 12  # an untrained network enlarges rounding; trained ones stay within 1 or 2
    assert difference.mean() < 1


@pytest.mark.parametrize("tile", [65_536, 10**6])
@pytest.mark.parametrize("runtime", ["eager", "openvino"])
def test_the_number_of_threads_and_the_grouping_of_frames_change_no_byte(style: Path, runtime: str, tile: int) -> None:
    size = (248, 332)
    frames = make_frames(3, *size)
    one = _make(style, size, runtime, threads=1, max_tile_pixels=tile).paint(frames)
    two = _make(style, size, runtime, threads=2, max_tile_pixels=tile)
    assert (one == two.paint(frames)).all()
    assert (one[1:2] == two.paint(frames[1:2])).all()


def test_what_was_given_stays_when_more_is_stylized(style: Path) -> None:
    stylizer = _make(style, (32, 48), "openvino")
    first = stylizer.paint(make_frames(1, 32, 48, 1))
    kept = first.copy()
    stylizer.paint(make_frames(1, 32, 48, 2))
    assert (first == kept).all()


@pytest.mark.parametrize("shape", [(1, 32, 47, 3), (32, 48, 3), (1, 32, 48, 4)])
def test_refuses_frames_of_another_size(style: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames must be uint8 of"):
        _make(style, (32, 48), "eager").paint(np.zeros(shape, np.uint8))


@given(st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=40)
def test_any_number_of_frames_goes_through_fixed_batches_in_order(count: int, batch: int) -> None:
    frames = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)

    def run(given: Any) -> list[Any]:
        assert len(given) == batch
        return [given + 1]

    assert (in_fixed_batches(run, batch)(frames)[0] == frames + 1).all()


@pytest.mark.skipif(not shutil.which("g++"), reason="inductor needs a C++ compiler")
def test_compiled_pixels_agree_and_do_not_depend_on_threads(style: Path) -> None:
    frames, before = make_frames(3, 32, 48), torch.get_num_threads()
    reference = _make(style, (32, 48), "eager").paint(frames).astype(int)
    one = _make(style, (32, 48), "compile", threads=1).paint(frames)
    two = _make(style, (32, 48), "compile", threads=2)
    assert (one == two.paint(frames)).all()
    assert (one[1:2] == two.paint(frames[1:2])).all()
    assert np.abs(one - reference).max() <= 12
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("size", "scale", "seen"),
    [((64, 96), 0.5, (32, 48)), ((33, 47), 0.5, (16, 24)), ((9, 7), 0.1, (1, 1)), ((33, 47), 2.0, (66, 94))],
)
def test_the_network_sees_a_frame_of_another_size(
    style: Path, size: tuple[int, int], scale: float, seen: tuple[int, int]
) -> None:
    frames = make_frames(2, *size)
    scaled = _make(style, size, "eager", scale=scale)
    found = scaled.paint(frames)
    assert found.shape == frames.shape
    there, back = (cv2.INTER_AREA, cv2.INTER_CUBIC) if scale < 1 else (cv2.INTER_CUBIC, cv2.INTER_AREA)
    reduced = np.stack([cv2.resize(frame, seen[::-1], interpolation=there) for frame in frames])
    styled = _make(style, seen, "eager").paint(reduced)
    expected = [cv2.resize(picture, size[::-1], interpolation=back) for picture in styled]
    assert np.array_equal(found, np.stack(expected))
    with pytest.raises(ValueError, match="frames must be uint8"):
        scaled.paint(reduced)


def test_what_a_scaled_style_lacks_in_strength_is_the_frame_in_its_own_size(style: Path) -> None:
    frames = make_frames(1, 64, 96)
    full, half, none = (
        _make(style, (64, 96), "eager", scale=0.5, strength=strength).paint(frames).astype(float)
        for strength in (1.0, 0.5, 0.0)
    )
    assert np.array_equal(none, frames)
    assert np.abs(half - (full + frames) / 2).max() <= 0.5
