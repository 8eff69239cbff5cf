"""Colours survive the way to RGB and back, and RGB is what the tags mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.video import clips
from tests.video.trips import FAST, PLANNING, SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT, ClipMaker, convert, decode, send
from triptych.video.media.colours import WEIGHTS, chroma_of
from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.info import ColourTags
from triptych.video.media.planes import Planes, choose_layout, extract_planes
from triptych.video.planning.probing import VideoInfo, probe_video

SPACES = {"bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "bt2020nc": 9}
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191),
        (16, 16, 16), (235, 235, 235), (128, 64, 200)]  # fmt: skip
# Columns of the bars but for those where one meets the next: colour runs over there, as there is half as much of it.
INSIDE = (np.arange(160) % 16 > 3) & (np.arange(160) % 16 < 12)

INFO: list[VideoInfo] = []


@pytest.fixture(autouse=True)
def plain_info(clip: ClipMaker) -> VideoInfo:
    if not INFO:
        INFO.append(probe_video(clip("plain.mp4"), PLANNING))
    return INFO[0]


def draw_bars() -> NDArray[np.uint8]:
    """Colour bars, shape (32, 160, 3)."""
    return np.repeat(np.repeat(np.array([BARS], dtype=np.uint8), 16, axis=1), 32, axis=0)


def make_frame(planes: Planes, pixels: str) -> av.VideoFrame:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixels)
    for plane, values in zip(frame.planes, planes, strict=True):
        padded = np.zeros((values.shape[0], plane.line_size), dtype=np.uint8)
        padded[:, : values.shape[1]] = values
        plane.update(padded.tobytes())
    return frame


def describe(
    info: VideoInfo, space: str, range_: str, pixels: str = "yuv420p", size: tuple[int, int] = (160, 32)
) -> VideoInfo:
    tags, (width, height) = ColourTags(range_, space), size
    return replace(info, colours=tags, width=width, height=height, pixel_format=pixels)


def plan(info: VideoInfo, space: str, range_: str, width: int = 160, height: int = 32) -> Conversion:
    return plan_conversion(describe(info, space, range_, size=(width, height)))


@pytest.mark.parametrize("range_", ["tv", "pc", "unknown"])
@pytest.mark.parametrize("space", [*WEIGHTS, "unknown"])
def test_bars_come_back(space: str, range_: str, plain_info: VideoInfo) -> None:
    conversion = plan(plain_info, space, range_)
    planes = conversion.to_planes(draw_bars())
    assert [plane.shape for plane in planes] == [(32, 160), (16, 80), (16, 80)]
    back = conversion.to_rgb(planes)
    assert np.abs(back.astype(int) - draw_bars())[:, INSIDE].max() <= 2


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("space", SPACES)
def test_planes_are_what_swscale_makes_of_the_tags(space: str, range_: str, plain_info: VideoInfo) -> None:
    conversion = plan(plain_info, space, range_)
    frame = make_frame(conversion.to_planes(draw_bars()), "yuv420p")
    frame.colorspace, frame.color_range = SPACES[space], {"tv": 1, "pc": 2}[range_]
    flags = av.video.reformatter.Interpolation
    exact = flags.BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
    theirs = frame.reformat(format="rgb24", interpolation=exact).to_ndarray()
    middles = np.arange(8, 160, 16)
    difference = np.abs(theirs[:, middles].astype(int) - draw_bars()[:, middles])
    assert difference.max() <= 3


def test_another_matrix_or_range_would_show(plain_info: VideoInfo) -> None:
    """What the tests above could miss if tags were ignored."""
    planes = plan(plain_info, "bt709", "tv").to_planes(draw_bars())
    for space, range_ in (("smpte170m", "tv"), ("bt709", "pc"), ("bt2020nc", "tv")):
        wrong = plan(plain_info, space, range_).to_rgb(planes)
        assert np.abs(wrong.astype(int) - draw_bars()).max() > 5


@settings(deadline=None, max_examples=40)
@given(width=st.integers(2, 40), height=st.integers(2, 40), seed=st.integers(0, 99), full=st.booleans())
def test_frames_of_any_size_come_back(width: int, height: int, seed: int, full: bool) -> None:
    range_ = "pc" if full else "tv"
    pixels = chroma_of(width, height)
    conversion = plan_conversion(describe(INFO[0], "bt709", range_, pixels, (width, height)))
    rng = np.random.default_rng(seed)
    half = (height // 2, width // 2) if pixels == "yuv420p" else (height, width)
    # Such as all have a colour in RGB.
    luma = rng.integers(110, 146, (height, width), dtype=np.uint8)
    u, v = rng.integers(110, 147, (2, *half), dtype=np.uint8)
    planes = luma, u, v
    rgb = conversion.to_rgb(planes)
    assert rgb.shape == (height, width, 3)
    for before, after in zip(planes, conversion.to_planes(rgb), strict=True):
        assert before.shape == after.shape
        assert np.abs(before.astype(int) - after).max() <= 1


@pytest.mark.parametrize(
    ("width", "height", "like"), [(1280, 720, "bt709"), (720, 576, "smpte170m"), (640, 600, "bt709")]
)
def test_untagged_colours_are_told_by_size(width: int, height: int, like: str, plain_info: VideoInfo) -> None:
    untagged, tagged = (plan(plain_info, space, "tv", width, height) for space in ("unknown", like))
    assert untagged.to_rgb_matrix == tagged.to_rgb_matrix


@pytest.mark.parametrize(
    "pixels",
    ["yuv420p10le", "yuv422p10le", "yuv444p12le", "nv12", "p010le", "yuyv422", "yuva420p", "yuv411p", "yuv440p",
     "yuv422p", "yuv444p"],
)  # fmt: skip
def test_every_layout_of_yuv_shows_the_same_bars(pixels: str, plain_info: VideoInfo) -> None:
    frame = make_frame(plan(plain_info, "smpte170m", "tv").to_planes(draw_bars()), "yuv420p")
    frame.color_range = 1
    frame = frame.reformat(format=pixels, src_color_range=1, dst_color_range=1)
    rgb = convert(describe(plain_info, "smpte170m", "tv", pixels), frame)
    middles = np.arange(8, 160, 16)
    assert np.abs(rgb[:, middles].astype(int) - draw_bars()[:, middles]).max() <= 4


@pytest.mark.parametrize("pixels", ["rgb24", "bgr24", "gbrp", "rgba", "rgb48le"])
def test_rgb_stays(pixels: str, plain_info: VideoInfo) -> None:
    frame = av.VideoFrame.from_ndarray(draw_bars(), "rgb24").reformat(format=pixels)
    rgb = convert(describe(plain_info, "gbr", "pc", pixels), frame)
    assert np.abs(rgb.astype(int) - draw_bars()).max() <= 1


@pytest.mark.parametrize(("range_", "black", "white"), [(1, 16, 235), (2, 0, 255), (0, 0, 255)])
def test_grey(range_: int, black: int, white: int, plain_info: VideoInfo) -> None:
    luma = np.full((4, 6), black, dtype=np.uint8)
    luma[:, 3:] = white
    frame = av.VideoFrame.from_ndarray(luma, "gray")
    frame.color_range = range_
    info = describe(plain_info, "unknown", {0: "unknown", 1: "tv", 2: "pc"}[range_], "gray", (6, 4))
    rgb = convert(info, frame)
    assert rgb[:, :3].max() == 0
    assert rgb[:, 3:].min() == 255


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("space", ["bt709", "smpte170m", "bt2020nc"])
def test_bars_through_files(space: str, range_: str, tmp_path: Path) -> None:
    """Encoded, stylized by nothing, and decoded: within two levels of the source's YUV."""
    bars, source = tmp_path / "bars.png", tmp_path / "bars.mp4"
    Image.fromarray(draw_bars()).save(bars)
    matrix = "bt2020" if space == "bt2020nc" else space
    tags = f"setparams=range={range_}:colorspace={space}:color_primaries=bt709:color_trc=bt709"
    filters = f"scale=out_range={range_}:out_color_matrix={matrix},format=yuv420p,{tags}"
    clips.run("-loop", "1", "-t", "0.2", "-i", bars, "-vf", filters, "-c:v", "libx264", "-qp", "0", source)
    _, result = send(source, tmp_path / "out", encoding=FAST.replace(crf=0))
    for before, after in zip(decode(source), decode(result), strict=True):
        assert (after.colorspace, after.color_range) == (before.colorspace, before.color_range)
        for a, b in zip(before.planes, after.planes, strict=True):
            values = [np.frombuffer(bytes(x), np.uint8).reshape(x.height, -1)[:, : x.width].astype(int) for x in (a, b)]
            inside = INSIDE[:: 160 // a.width]
            assert np.abs(values[0] - values[1])[:, inside].max() <= 2


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_chroma_lies_where_players_look_for_it(codec: str, plain_info: VideoInfo) -> None:
    """A ramp of colour from left to right has, at every column, the colour that was meant there."""
    ramp = np.linspace(20, 235, 64)
    info = replace(plain_info, width=64, height=8, pixel_format="yuv420p", codec=codec)
    conversion = plan_conversion(info)
    # Where samples lie: on even columns, or between those and the next.
    place = np.arange(0, 64, 2) + (0.5 if codec == "mjpeg" else 0)
    chroma = np.rint(np.interp(place, np.arange(64), ramp)).astype(np.uint8)
    planes = np.full((8, 64), 128, np.uint8), np.tile(chroma, (4, 1)), np.full((4, 32), 128, np.uint8)
    rgb = conversion.to_rgb(planes).astype(float)
    blue = 128 + (ramp - 128) * 255 / 224 * 2 * (1 - 0.114) + (128 - 16) * 255 / 219 - 128
    inside = (blue > 2) & (blue < 253) & (np.arange(64) < 62)
    assert np.abs(rgb[0, inside, 2] - blue[inside]).max() <= 2.5
    # The result is H.264: its samples lie on even columns, whatever the source.
    picture = np.stack([np.full((8, 64), 128.0), np.full((8, 64), 128.0), np.tile(np.linspace(60, 200, 64), (8, 1))], 2)
    made = conversion.to_planes(np.rint(picture).astype(np.uint8))[1].astype(float)
    expected = 128 + (np.linspace(60, 200, 64) - 128) * 0.5 * 224 / 255
    assert np.abs(made[0, 1:-1] - expected[2:-2:2]).max() <= 1


@pytest.mark.parametrize("pixels", ["gbrap", "gbrap10le", "gbrap12le", "yuva444p10le", "yuva420p"])
def test_planes_beside_transparency_are_taken_whole(pixels: str) -> None:
    frame, rng = av.VideoFrame(34, 18, pixels), np.random.default_rng(0)
    layout = choose_layout(frame.format, 18, 34, between=False)
    dtype, written = np.dtype(layout.dtype), []
    for plane in frame.planes:
        values = rng.integers(0, 2**layout.bits, (plane.height, plane.line_size // dtype.itemsize)).astype(dtype)
        plane.update(values.tobytes())
        written.append(values[:, : plane.width])
    for found, wanted in zip(extract_planes(frame, layout), written[:3], strict=True):
        np.testing.assert_array_equal(found, wanted)
