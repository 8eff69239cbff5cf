"""Ten bits stay ten, from the file to the finished video, where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.styles import save_style
from tests.video.trips import PLANNING, ClipMaker, decode, send
from triptych.video.media.planes import Layout, extract_planes
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.restitching.finishing import finish_videos
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.store import SegmentStore

pytestmark = pytest.mark.timeout(120)
LEVELS = 1024
LAYOUT = Layout(32, LEVELS, 2, 2, 10)


def write_gradient(path: Path) -> None:
    """Write every level of 10 bits, full range, from left to right; lossless."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx265", rate=25, options={"x265-params": "lossless=1:log-level=none"})
        stream.width, stream.height, stream.pix_fmt = LEVELS, 32, "yuv420p10le"
        stream.codec_context.color_range = 2
        planes = [np.tile(np.arange(LEVELS, dtype=np.uint16), (32, 1)), *np.full((2, 16, LEVELS // 2), 512, np.uint16)]
        for _ in range(6):
            frame = av.VideoFrame(LEVELS, 32, "yuv420p10le")
            frame.color_range = 2
            for plane, values in zip(frame.planes, planes, strict=True):
                padded = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                padded[:, : plane.width] = values
                plane.update(padded.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def stylize(path: Path, strength: float, bit_depth: Any) -> tuple[dict[str, Any], Path]:
    """Send a video through planning, stylizing and restitching."""
    folder, encoding = path.parent, EncodingParams(preset="ultrafast", crf=0, bit_depth=bit_depth)
    style, smoothing = StyleParams(runtime="eager", threads=1, strength=strength), SmoothingParams(method="none")
    model = save_style(folder, 0)
    plan = plan_videos(folder, [path.name], folder, model, PLANNING, style, smoothing)
    report = stylize_as_rank(folder, folder, plan, model, folder / "segments", style, smoothing, encoding)
    (folder / "finished").mkdir(exist_ok=True)
    store = SegmentStore(folder / "segments")
    (result,) = finish_videos(read_plan(plan), report["keys"], folder, store, folder / "finished", encoding)
    assert result["status"] == "finished", result["reason"]
    return result, folder / "finished" / result["file"]


def show_luma(path: Path, bits: int) -> NDArray[Any]:
    frames = decode(path)
    names = {frame.format.name.replace("yuvj", "yuv") for frame in frames}  # yuvj: of full range
    assert names == {"yuv420p10le" if bits == 10 else "yuv420p"}
    return extract_planes(frames[-1], Layout(32, LEVELS, 2, 2, bits))[0]


@pytest.mark.parametrize("bit_depth", [10, "source"])
def test_a_gradient_keeps_its_levels(tmp_path: Path, bit_depth: Any) -> None:
    write_gradient(tmp_path / "gradient.mp4")
    result, finished = stylize(tmp_path / "gradient.mp4", 0.0, bit_depth)
    assert result["reason"] == ""
    luma = show_luma(finished, 10)
    assert np.abs(luma - np.arange(LEVELS)).max() <= 1  # x264 of 10 bits is not lossless at CRF 0
    assert len(np.unique(luma)) > LEVELS * 0.97


def test_with_a_style_mixed_in_there_are_more_levels_than_bytes_have(tmp_path: Path) -> None:
    """A network that has hardly any part in the picture: float between the planes, and not bytes."""
    write_gradient(tmp_path / "gradient.mp4")
    _, finished = stylize(tmp_path / "gradient.mp4", 0.002, "source")
    luma = show_luma(finished, 10)
    assert np.abs(luma - np.arange(LEVELS)).max() <= 4
    assert len(np.unique(luma)) > LEVELS * 0.9


def test_eight_bits_are_rounded_and_noted(tmp_path: Path) -> None:
    write_gradient(tmp_path / "gradient.mp4")
    result, finished = stylize(tmp_path / "gradient.mp4", 0.0, 8)
    assert result["reason"] == "the source has 10 bits a sample, the result has 8"
    luma = show_luma(finished, 8)
    assert np.abs(luma - np.arange(LEVELS) * 255 / 1023).max() <= 0.51


@pytest.mark.parametrize(("name", "pixels"), [("plain.mp4", "yuv420p"), ("odd_size.mp4", "yuv444p")])
def test_source_keeps_what_there_is(name: str, pixels: str, clip: ClipMaker, tmp_path: Path) -> None:
    _, result = send(clip(name), tmp_path, encoding=EncodingParams(preset="ultrafast", bit_depth="source"))
    assert {frame.format.name for frame in decode(result)} == {pixels}


@pytest.mark.parametrize(("name", "pixels"), [("plain.mp4", "yuv420p10le"), ("odd_size.mp4", "yuv444p10le")])
def test_ten_bits_of_eight(name: str, pixels: str, clip: ClipMaker, tmp_path: Path) -> None:
    _, result = send(clip(name), tmp_path, encoding=EncodingParams(preset="ultrafast", bit_depth=10))
    assert {frame.format.name for frame in decode(result)} == {pixels}


def test_tone_mapped_hdr_keeps_ten_bits(clip: ClipMaker, tmp_path: Path) -> None:
    encoding = EncodingParams(preset="ultrafast", bit_depth="source")
    info, result = send(clip("hdr.mp4"), tmp_path, PLANNING.replace(hdr="tone_map"), encoding)
    assert info.bit_depth == 10
    assert {frame.format.name for frame in decode(result)} == {"yuv420p10le"}
