"""Conversion in the graph equals that of OpenCV, and both what the standards say, computed here in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.video.styles import make_conversion, make_frames, make_network
from triptych.video.media.conversion import Conversion
from triptych.video.media.info import ColourTags
from triptych.video.media.planes import Layout, Planes
from triptych.video.network.pixels import PixelNetwork, to_cells
from triptych.video.network.planes import PlaneNetwork, PlanesToRgb, RgbToPlanes
from triptych.video.runtimes.eager import build_eager
from triptych.video.runtimes.painters import Painter, build_run
from triptych.video.runtimes.sizes import pad_length, padded_size
from triptych.video.runtimes.stylizers import CopyingStylizer, GraphStylizer, RgbStylizer

KR_KB = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "yuv420p10le", "yuv422p10le",
           "yuv444p10le", "gbrp", "gray"]  # fmt: skip
Floats = NDArray[np.float64]


def draw(layout: Layout, seed: int = 0) -> Planes:
    """Draw soft planes whose colours all lie within RGB."""
    random, (height, width) = np.random.default_rng(seed), (layout.height, layout.width)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    planes = []
    for number, (rows, columns) in enumerate(layout.shapes):
        wave = np.sin(x / random.uniform(4, 9) + y / random.uniform(4, 9))[:rows, :columns]
        noise = random.normal(0, 0.3, (rows, columns))
        middle, reach = (125, 40) if number == 0 else (128, 12)
        planes.append(((middle + reach * (wave + noise).clip(-1, 1)) * 2 ** (layout.bits - 8)).astype(layout.dtype))
    return (planes[0],) * 3 if layout.kind == "gray" else (planes[0], planes[1], planes[2])


def place(length: int, count: int, ratio: int, between: bool) -> Floats:
    """Say which sample of chroma each column shows: a number between two of them."""
    at = (np.arange(length) + 0.5) / ratio - 0.5 if between else np.arange(length) / ratio
    return at.clip(0, count - 1)


def compute_rgb(planes: Planes, layout: Layout, tags: ColourTags) -> Floats:
    """Compute RGB by the formulas of BT.601, 709 and 2020: E' from quantised samples, R'G'B' from E'."""
    red, blue = KR_KB[tags.space]
    most, step = 2**layout.bits - 1, 2 ** (layout.bits - 8)
    y, *chroma = (plane.astype(np.float64) for plane in planes)
    columns = place(layout.width, chroma[0].shape[1], layout.across, layout.between)
    rows = np.arange(layout.height) // layout.down
    full = []
    for plane in chroma:
        low = np.floor(columns).astype(int)
        high = np.minimum(low + 1, plane.shape[1] - 1)
        share = columns - low
        full.append((plane[:, low] * (1 - share) + plane[:, high] * share)[rows])
    if tags.range == "pc":
        luma, cb, cr = y / most, (full[0] - 128 * step) / most, (full[1] - 128 * step) / most
    else:
        luma = (y / step - 16) / 219
        cb, cr = ((plane / step - 128) / 224 for plane in full)
    r = luma + 2 * (1 - red) * cr
    b = luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return 255 * np.stack([r, g, b], -1)


def compute_planes(rgb: Floats, layout: Layout, tags: ColourTags) -> list[Floats]:
    """Compute samples of RGB by the same formulas, the other way."""
    red, blue = KR_KB[tags.space]
    most, step = 2**layout.bits - 1, 2 ** (layout.bits - 8)
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    luma = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - luma) / (2 * (1 - blue)), (r - luma) / (2 * (1 - red))
    if layout.across > 1:
        cb, cr = (filter_down(plane) for plane in (cb, cr))
    if tags.range == "pc":
        return [luma * most, cb * most + 128 * step, cr * most + 128 * step]
    return [(luma * 219 + 16) * step, (cb * 224 + 128) * step, (cr * 224 + 128) * step]


def filter_down(plane: Floats) -> Floats:
    """Average pairs of rows, and take every other column after the low pass of the 5/3 wavelet."""
    plane = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2)), mode="edge")
    rows = (plane[::2] + plane[1::2]) / 2
    padded = np.pad(rows, ((0, 0), (2, 2)), mode="reflect")
    low = sum(weight * padded[:, at : at + rows.shape[1]] for at, weight in enumerate(np.array([-1, 2, 6, 2, -1]) / 8))
    return np.asarray(low)[:, ::2]


def to_batch(planes: Planes) -> list[torch.Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(plane))[None] for plane in planes]


def matrices(conversion: Conversion) -> list[torch.Tensor]:
    return [torch.from_numpy(matrix)[None] for matrix in conversion.matrices]


def to_rgb_in_graph(conversion: Conversion, planes: Planes) -> NDArray[np.float32]:
    rgb = PlanesToRgb(conversion.source)(*to_batch(planes), matrices(conversion)[0])
    return np.asarray(rgb[0].permute(1, 2, 0))


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (2, 2)])
@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
@pytest.mark.parametrize("pixels", FORMATS)
def test_rgb_in_the_graph_is_that_of_opencv(pixels: str, codec: str, size: tuple[int, int]) -> None:
    conversion = make_conversion(*size, pixels, ColourTags("tv", "bt709"), codec, bit_depth=10)
    planes = draw(conversion.source)
    assert np.abs(to_rgb_in_graph(conversion, planes) - conversion.to_rgb(planes)).max() < 1e-3


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("space", KR_KB)
def test_rgb_is_what_the_standards_say(space: str, range_: str, pixels: str, codec: str) -> None:
    tags = ColourTags(range_, space)
    conversion = make_conversion(32, 48, pixels, tags, codec)
    planes = draw(conversion.source)
    expected = compute_rgb(planes, conversion.source, tags)
    assert np.abs(to_rgb_in_graph(conversion, planes) - expected).max() < 1e-3
    # By bytes, interpolated chroma is rounded too, and counts up to 2.2 times.
    assert np.abs(conversion.to_bytes(planes) - expected).max() <= (0.51 if conversion.deep else 1.9)


@pytest.mark.parametrize("codec", ["h264", "av1"])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", [(32, 48), (33, 47), (2, 2), (1, 1)])
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("space", KR_KB)
def test_planes_are_what_the_standards_say(
    space: str, range_: str, size: tuple[int, int], bit_depth: int, codec: str
) -> None:
    tags = ColourTags(range_, space)
    conversion = make_conversion(*size, "yuv444p", tags, bit_depth=bit_depth, target_codec=codec)
    rgb = make_frames(1, *size)[0]
    expected = compute_planes(rgb.astype(np.float64), conversion.target, tags)
    padded = np.pad(rgb, ((0, size[0] % 2), (0, size[1] % 2), (0, 0)), mode="edge")
    cells = to_cells(torch.from_numpy(padded).permute(2, 0, 1)[None].float())
    found = RgbToPlanes(conversion.target)(cells, matrices(conversion)[1])
    given = rgb.astype(np.float32) if conversion.deep else rgb
    for plane, theirs, values in zip(found, conversion.to_planes(given), expected, strict=True):
        assert plane.shape == (1, *values.shape)
        assert np.abs(np.asarray(plane[0], np.int64) - values).max() < 0.502
        # By bytes, chroma is rounded before and after rows are averaged, and once more.
        assert np.abs(theirs.astype(np.int64) - values).max() < (0.502 if conversion.deep else 1.7)


@pytest.mark.parametrize("pixels", FORMATS)
def test_a_frame_comes_back(pixels: str) -> None:
    """By the graph, and by OpenCV: chroma of 4:2:0 and 4:4:4 within a level of what it was."""
    conversion = make_conversion(32, 48, pixels, ColourTags("tv", "bt709"), bit_depth="source")
    planes = draw(conversion.source)
    rgb = PlanesToRgb(conversion.source)(*to_batch(planes), matrices(conversion)[0])
    found = RgbToPlanes(conversion.target)(to_cells(rgb), matrices(conversion)[1])
    copied = CopyingStylizer(conversion).stylize([planes])[0]
    conversion.target.check(copied)
    for one, other in zip(found, copied, strict=True):
        assert np.abs(np.asarray(one[0], np.int64) - other).max() <= 2
    if conversion.source.shapes == conversion.target.shapes and conversion.source.kind == "yuv":
        assert all(np.array_equal(one[0], other) for one, other in zip(found, planes, strict=True))


@pytest.mark.parametrize("strength", [1.0, 0.4])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le", "gbrp"])
@pytest.mark.parametrize("size", [(32, 48), (34, 46), (33, 47), (6, 10)])
def test_a_network_paints_the_same_wherever_colours_are_converted(
    size: tuple[int, int], pixels: str, strength: float
) -> None:
    """Float against float differs by rounding alone; bytes round what the network sees, too."""
    network = make_network(1)
    for bit_depth in (8, 10):
        conversion = make_conversion(*size, pixels, ColourTags("tv", "bt709"), bit_depth=bit_depth)
        frames = [draw(conversion.source, seed) for seed in range(2)]
        pixel_network = PixelNetwork([network], strength).eval()
        padding = (pad_length(size[1]), pad_length(size[0]))
        module = PlaneNetwork(pixel_network, conversion.source, conversion.target, padding)
        graph = GraphStylizer(conversion, build_eager(module, [], 1), 2, 1).stylize(frames)
        dtype: Any = np.float32 if conversion.deep else np.uint8
        run = build_run([network], strength, build_eager, padded_size(size), 2, 10**6, 1, dtype=dtype)
        rgb = RgbStylizer(conversion, Painter(size, dtype, run), 2, 1).stylize(frames)
        for one, other in zip(graph, rgb, strict=True):
            conversion.target.check(one)
            conversion.target.check(other)
            for mine, theirs in zip(one, other, strict=True):
                difference = np.abs(mine.astype(int) - theirs)
                assert difference.max() <= (1 if conversion.deep else 6)
                assert difference.mean() < (0.1 if conversion.deep else 1)


def test_refuses_planes_of_another_layout() -> None:
    conversion = make_conversion(32, 48)
    other = draw(Layout(32, 48))
    with pytest.raises(ValueError, match="expected planes of yuv420p"):
        CopyingStylizer(conversion).stylize([other])
