"""Each codec in each container and depth: every frame at its time, sound beside it, joined from several segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, decode, send
from triptych.video.media.conversion import plan_conversion
from triptych.video.media.planes import extract_planes
from triptych.video.params import EncodingParams
from triptych.video.planning.probing import probe_video
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(120)
DECODED = {"h264": "h264", "hevc": "hevc", "av1": "av1"}
HELD = [
    ("h264", "mp4"), ("h264", "mkv"), ("hevc", "mp4"), ("hevc", "mkv"), ("av1", "mp4"), ("av1", "mkv"), ("av1", "webm"),
]  # fmt: skip


def encode(**values: Any) -> EncodingParams:
    return EncodingParams(**{"preset": "ultrafast", "timeout_s": 60.0, **values})


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("codec", "container"), HELD)
@pytest.mark.parametrize("name", ["variable_rate.mp4", "video_offset.mkv", "opus.mkv"])
def test_round_trip(name: str, codec: str, container: str, bit_depth: int, clip: ClipMaker, tmp_path: Path) -> None:
    source = clip(name)
    if container == "webm" and name != "opus.mkv":
        pytest.skip("webm holds no AAC")
    encoding = encode(codec=codec, container=container, bit_depth=bit_depth, crf=6)
    info, result = send(source, tmp_path, encoding=encoding, segment_frames=8)
    comparison = compare_videos(source, info, result)
    assert is_exact(comparison, tick_ms=0 if container == "mp4" else 0.5), comparison
    with av.open(str(result)) as opened:
        stream = opened.streams.video[0]
        assert stream.codec_context.codec.canonical_name == DECODED[codec]
        packets = [packet for packet in opened.demux(stream) if packet.size]
    times = [packet.pts for packet in packets if packet.pts is not None]
    assert times == sorted(times) == [packet.dts for packet in packets]
    assert [packet.is_keyframe for packet in packets].count(True) >= len(packets) // 8
    target = plan_conversion(info, encoding).target
    shown = decode(result)
    assert {frame.format.name for frame in shown} == {target.pixel_format}
    assert_alike(source, result)


def assert_alike(source: Path, result: Path) -> None:
    """Compare luma of 8 bits, frame by frame."""
    for before, after in zip(decode(source), decode(result), strict=True):
        luma = [np.asarray(frame.reformat(format="gray").to_ndarray(), np.int16) for frame in (before, after)]
        assert np.abs(luma[0] - luma[1]).mean() < 3


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_0_is_lossless(codec: str, bit_depth: int, clip: ClipMaker, tmp_path: Path) -> None:
    source, encoding = clip("plain.mp4"), encode(codec=codec, bit_depth=bit_depth, crf=0)
    info, result = send(source, tmp_path, encoding=encoding, segment_frames=12)
    conversion = plan_conversion(info, encoding)
    for before, after in zip(decode(source), decode(result), strict=True):
        expected = conversion.convert(extract_planes(before, conversion.source))
        found = extract_planes(after, conversion.target)
        # SVT-AV1 loses up to a level of 10 bits; nothing of 8.
        most = 1 if (codec, bit_depth) == ("av1", 10) else 0
        assert max(np.abs(a.astype(int) - b).max() for a, b in zip(expected, found, strict=True)) <= most


@pytest.mark.parametrize("codec", ["hevc", "av1"])
@pytest.mark.parametrize(
    "name", ["odd_size.mp4", "full_range.mkv", "bt601.mp4", "rotation.mp4", "sample_aspect_ratio.mp4",
             "sample_aspect_ratio.mkv", "one_frame.mp4", "fractional_rate.mkv", "transport_stream.ts", "webm.webm",
             "plain.mov", "chapters.mp4", "cover_picture.mp4"]
)  # fmt: skip
def test_unusual_sources(name: str, codec: str, clip: ClipMaker, tmp_path: Path) -> None:
    source = clip(name)
    info, result = send(source, tmp_path, encoding=encode(codec=codec, crf=6))
    comparison = compare_videos(source, info, result)
    assert is_exact(comparison, tick_ms=0.5), comparison
    assert comparison["chapters_out"] == comparison["chapters_in"]


def test_apple_players_find_hevc(clip: ClipMaker, tmp_path: Path) -> None:
    for name in ("plain.mp4", "plain.mov"):
        _, result = send(clip(name), tmp_path, encoding=encode(codec="hevc"))
        assert b"hvc1" in result.read_bytes()
        assert b"hev1" not in result.read_bytes()


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_the_same_bytes_every_time(codec: str, clip: ClipMaker, tmp_path: Path) -> None:
    made = [send(clip("b_frames.mp4"), tmp_path / run, encoding=encode(codec=codec))[1] for run in ("one", "two")]
    assert made[0].read_bytes() == made[1].read_bytes()


@pytest.mark.parametrize(
    ("name", "codec", "made"),
    [("webm.webm", "av1", "webm.webm"), ("webm.webm", "hevc", "webm.webm.mkv"), ("plain.mov", "av1", "plain.mov.mp4"),
     ("transport_stream.ts", "hevc", "transport_stream.ts"), ("transport_stream.ts", "av1", "transport_stream.ts.mp4"),
     ("plain.mp4", "av1", "plain.mp4")],
)  # fmt: skip
def test_a_container_that_holds_the_codec(name: str, codec: str, made: str, clip: ClipMaker, tmp_path: Path) -> None:
    _, result = send(clip(name), tmp_path, encoding=encode(codec=codec))
    assert result.name == made


@pytest.mark.parametrize("codec", sorted(DECODED))
def test_a_thousand_frames_a_second(codec: str, tmp_path: Path) -> None:
    source = tmp_path / "fast.mp4"
    clips.run(*clips.picture(rate="1000", seconds=0.02), *clips.X264, source)
    info, result = send(source, tmp_path / "out", encoding=encode(codec=codec), segment_frames=8)
    assert is_exact(compare_videos(source, info, result))


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_primaries_of_old_television_are_kept(codec: str, tmp_path: Path) -> None:
    """x265 ends at once if told of them, which would be the end of the step for all videos."""
    source, tags = tmp_path / "ebu.mp4", "setparams=colorspace=bt470bg:color_primaries=ebu3213:color_trc=bt709:range=tv"
    clips.run(*clips.picture(seconds=0.3), "-vf", tags, *clips.X264, source)
    info, result = send(source, tmp_path, encoding=encode(codec=codec), segment_frames=5)
    assert is_exact(compare_videos(source, info, result))
    assert probe_video(result, PLANNING).colours.primaries == "ebu3213"
