"""A segment is written whole or not at all, and an encoder that hangs is killed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.styles import make_conversion
from tests.video.trips import FAST, PLANNING, ClipMaker, decode
from triptych.video.media.encoding import SegmentWriter
from triptych.video.media.ffmpeg import FFmpegError
from triptych.video.media.planes import Planes
from triptych.video.params import EncodingParams
from triptych.video.planning.probing import VideoInfo, probe_video

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def info(clip: ClipMaker) -> VideoInfo:
    return probe_video(clip("plain.mp4"), PLANNING)


def draw(number: int = 0, width: int = 64, height: int = 48) -> Planes:
    conversion = make_conversion(height, width)
    return conversion.to_planes(np.full((height, width, 3), number * 7 % 256, dtype=np.uint8))


def write(path: Path, info: VideoInfo, frames: list[Planes], encoding: EncodingParams = FAST) -> None:
    with SegmentWriter(path, info, encoding) as writer:
        for frame in frames:
            writer.write(frame)


def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))


def test_frames_come_back_without_reordering(info: VideoInfo, tmp_path: Path) -> None:
    path = tmp_path / "new" / "segment.mp4"
    with SegmentWriter(path, info, FAST) as writer:
        for i in range(20):
            writer.write(draw(i))
        assert not path.exists()
    assert writer.written == 20
    frames = decode(path)
    assert [round(float(frame.to_ndarray(format="rgb24").mean())) for frame in frames] == pytest.approx(
        [i * 7 for i in range(20)], abs=2
    )
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert all(packet.pts == packet.dts for packet in packets)
        assert packets[0].is_keyframe
        assert not container.streams.video[0].codec_context.has_b_frames


def test_settings_agree_between_segments(info: VideoInfo, tmp_path: Path) -> None:
    headers = set()
    for number, frames in enumerate((1, 3, 40)):
        path = tmp_path / f"{number}.mp4"
        write(path, info, [draw(i * 31 + number) for i in range(frames)])
        with av.open(str(path)) as container:
            headers.add(container.streams.video[0].codec_context.extradata)
    assert len(headers) == 1


def test_a_failing_block_leaves_nothing(info: VideoInfo, tmp_path: Path) -> None:
    path = tmp_path / "segment.mp4"
    path.write_text("what was there before")

    def fail() -> None:
        with SegmentWriter(path, info, FAST) as writer:
            writer.write(draw())
            raise KeyError("the network failed")

    with pytest.raises(KeyError):
        fail()
    assert [each.name for each in tmp_path.iterdir()] == ["segment.mp4"]
    assert path.read_text() == "what was there before"


@pytest.mark.parametrize(
    "frame", [draw()[:2], draw(0, 48, 64), draw(0, 65, 48), tuple(plane.astype(np.int16) for plane in draw())]
)
def test_a_frame_of_another_shape_or_type(frame: Planes, info: VideoInfo, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected planes of yuv420p, 64x48"):
        write(tmp_path / "segment.mp4", info, [frame])
    assert not list(tmp_path.iterdir())


def test_no_frames(info: VideoInfo, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        write(tmp_path / "segment.mp4", info, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["exec sleep 50", "trap '' TERM; cat >/dev/null; while true; do sleep 1; done"])
def test_an_encoder_that_hangs_is_killed(
    ending: str, info: VideoInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, ending)
    large = replace(info, width=640, height=480)
    begin = time.monotonic()
    with pytest.raises(FFmpegError, match="0.4 s"):
        write(tmp_path / "out" / "segment.mp4", large, [draw(0, 640, 480)] * 30, FAST.replace(timeout_s=0.4))
    assert time.monotonic() - begin < 10
    assert not list((tmp_path / "out").iterdir())


def test_an_encoder_that_fails_says_why(info: VideoInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "echo no space left >&2; exit 3")
    with pytest.raises(FFmpegError, match="no space left"):
        write(tmp_path / "out" / "segment.mp4", info, [draw()] * 3000)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("size", "pixels"), [((64, 48), "yuv420p"), ((65, 48), "yuv444p"), ((64, 47), "yuv444p")])
def test_odd_sizes_are_kept(size: tuple[int, int], pixels: str, info: VideoInfo, tmp_path: Path) -> None:
    width, height = size
    write(tmp_path / "s.mp4", replace(info, width=width, height=height), [draw(0, width, height)])
    frame = decode(tmp_path / "s.mp4")[0]
    assert (frame.width, frame.height, frame.format.name) == (width, height, pixels)
