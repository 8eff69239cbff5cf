"""Colours that are kept: luma of the styled frame, chroma of the source, in every runtime and with all else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.styles import make_conversion, make_frames, save_style
from tests.video.stylizing.shares import write_clip
from tests.video.trips import PLANNING, ClipMaker, decode
from triptych.video.media.planes import Layout, extract_planes
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.store import SegmentStore

pytestmark = pytest.mark.timeout(120)
# Red, green, blue as H.273 has luma of BT.601, which small pictures of RGB become, in 219 or 224 levels.
RED, GREEN, BLUE = 0.299, 0.587, 0.114


def stylize(clip: Path, folder: Path, smoothing: SmoothingParams, bit_depth: Any = 8, **style: Any) -> list[Any]:
    """Return the planes of the styled frames, encoded without loss."""
    folder.mkdir()
    model, encoding = save_style(folder, 1), EncodingParams(preset="ultrafast", crf=0, bit_depth=bit_depth)
    params = StyleParams(threads=1, **{"runtime": "eager", **style})
    plan = plan_videos(clip.parent, [clip.name], folder, model, PLANNING, params, smoothing)
    report = stylize_as_rank(clip.parent, folder, plan, model, folder / "segments", params, smoothing, encoding)
    (video,) = read_plan(plan)
    store, pixels = SegmentStore(folder / "segments"), []
    for key in report["keys"][video.name]:
        pixels += decode(store.video_path(key))
    return [extract_planes(frame, layout_of(frame)) for frame in pixels]


def layout_of(frame: Any) -> Layout:
    across = 2 if "420" in frame.format.name else 1
    return Layout(frame.height, frame.width, across, across, 10 if "10" in frame.format.name else 8)


@pytest.mark.parametrize("runtime", ["eager", "openvino"])
@pytest.mark.parametrize("method", ["none", "average_input", "blend_output"])
def test_chroma_is_the_sources_and_luma_the_styles(runtime: str, method: Any, tmp_path: Path, clip: ClipMaker) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    smoothing = SmoothingParams(method=method, lead_frames=2)
    path = clip("plain.mp4")
    source = [extract_planes(frame, layout_of(frame)) for frame in decode(path)]
    kept = stylize(path, tmp_path / "kept", smoothing, runtime=runtime, keep_colours=True)
    plain = stylize(path, tmp_path / "plain", smoothing, runtime=runtime)
    assert len(kept) == len(source)
    for ours, styled, before in zip(kept, plain, source, strict=True):
        np.testing.assert_array_equal(ours[0], styled[0])
        np.testing.assert_array_equal(ours[1:], before[1:])
    assert np.abs(kept[3][1].astype(int) - plain[3][1]).mean() > 3


@pytest.mark.parametrize(
    "style", [{"max_tile_pixels": 65_536}, {"scale": 0.5}, {"strength": 0.5}, {"strength": 0.0}], ids=str
)
def test_with_tiles_scale_and_strength(style: dict[str, Any], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clips" / "a.mp4", 3, "320x240")
    source = [extract_planes(frame, layout_of(frame)) for frame in decode(path)]
    kept = stylize(path, tmp_path / "kept", SmoothingParams(method="none"), keep_colours=True, **style)
    plain = stylize(path, tmp_path / "plain", SmoothingParams(method="none"), **style)
    for ours, styled, before in zip(kept, plain, source, strict=True):
        np.testing.assert_array_equal(ours[0], styled[0])
        np.testing.assert_array_equal(ours[1:], before[1:])


def test_of_ten_bits(tmp_path: Path, clip: ClipMaker) -> None:
    path = clip("ten_bit.mp4")
    before = extract_planes(decode(path)[0], Layout(*decode_size(path), 2, 2, 10))
    kept = stylize(path, tmp_path / "kept", SmoothingParams(method="none"), "source", keep_colours=True)[0]
    for ours, source in zip(kept[1:], before[1:], strict=True):
        assert np.abs(ours - source).max() <= 4  # x264 of 10 bits is not lossless at CRF 0


def test_of_odd_size(tmp_path: Path, clip: ClipMaker) -> None:
    path = clip("odd_size.mp4")
    before = extract_planes(decode(path)[0], Layout(*decode_size(path), 2, 2))
    kept = stylize(path, tmp_path / "kept", SmoothingParams(method="none"), keep_colours=True)[0]
    for ours, source in zip(kept[1:], before[1:], strict=True):
        assert np.abs(ours - enlarge(source, ours.shape)).max() <= 0.51


def decode_size(path: Path) -> tuple[int, int]:
    frame = decode(path)[0]
    return frame.height, frame.width


def enlarge(plane: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Repeat rows, and put between columns their mean."""
    after = np.concatenate([plane[:, 1:], plane[:, -1:]], 1)
    columns = np.stack([plane.astype(float), (plane.astype(float) + after) / 2], 2).reshape(len(plane), -1)
    return np.repeat(columns, 2, 0)[: shape[0], : shape[1]]


@pytest.mark.parametrize("bit_depth", [8, 10])
def test_chroma_of_rgb_is_that_of_the_formula(bit_depth: Any) -> None:
    conversion = make_conversion(8, 12, "gbrp", bit_depth=bit_depth)
    colours = make_frames(1, 4, 6, seed=3)[0].repeat(2, 0).repeat(2, 1)
    red, green, blue = (colours[..., number].astype(float) / 255 for number in range(3))
    luma = RED * red + GREEN * green + BLUE * blue
    expected = [(blue - luma) / (2 * (1 - BLUE)), (red - luma) / (2 * (1 - RED))]
    u, v = conversion.to_chroma((colours[..., 1].copy(), colours[..., 2].copy(), colours[..., 0].copy()))
    step = 2 ** (bit_depth - 8)
    for plane, wanted in zip((u, v), expected, strict=True):
        levels = low_pass((128 + 224 * wanted) * step)
        assert np.abs(plane - levels).max() <= 0.51


def low_pass(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average two rows; weigh five columns by (-1, 2, 6, 2, -1) / 8 around every other one."""
    rows = (plane[::2] + plane[1::2]) / 2
    wide = np.pad(rows, ((0, 0), (2, 2)), mode="reflect")
    weighed = [wide[:, place : place + rows.shape[1]] * weight / 8 for place, weight in enumerate((-1, 2, 6, 2, -1))]
    return np.asarray(sum(weighed))[:, ::2]


def test_grey_stays_grey() -> None:
    conversion = make_conversion(4, 4, "gray")
    luma = np.arange(16, dtype=np.uint8).reshape(4, 4) * 15
    u, v = conversion.to_chroma((luma, luma, luma))
    assert set(np.unique(u)) == set(np.unique(v)) == {128}
