"""Damaged frames are refused, or concealed at their own times and counted, as one wishes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, decode, send
from triptych.video.media.colours import plan_conversion
from triptych.video.media.decoding import DecodingError, read_frames
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.planning.probing import probe_video
from triptych.video.planning.segments import cut_into_segments
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(60)
CONCEAL = PLANNING.replace(damaged="conceal")
DAMAGED = (7, 8, 19)


def damage(source: Path, target: Path, frames: tuple[int, ...]) -> None:
    """Overwrite the packets of some frames, in the order of the file, so that no decoder makes anything of them."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for number in frames:
            at, size = packets[number].pos, packets[number].size
            assert at is not None
            data[at : at + size] = b"\xff" * size
    target.write_bytes(data)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Write a video of keyframes only, so that damage stays where it is."""
    clips.run(*clips.picture(), *clips.tone(), *clips.X264, "-g", "1", *clips.AAC, tmp_path / "whole.mp4")
    return tmp_path / "whole.mp4"


def test_damaged_frames_are_refused_unless_asked_for(whole: Path, tmp_path: Path) -> None:
    damage(whole, tmp_path / "damaged.mp4", DAMAGED)
    with pytest.raises(DecodingError, match="cannot be decoded"):
        send(tmp_path / "damaged.mp4", tmp_path / "out")


def test_damaged_frames_show_the_one_before(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    damage(whole, path, DAMAGED)
    info, result = send(path, tmp_path / "out", CONCEAL)
    assert info.warnings == ("3 frames are damaged and were concealed",)
    assert VideoInfo.from_json(info.to_json()) == info
    assert [frame.time for frame in decode(result)] == pytest.approx([n / 30 for n in range(30)])
    assert is_exact(compare_videos(path, info, result))
    conversion = plan_conversion(info)
    expected = [conversion.to_rgb(frame) for frame in decode(whole)]
    repeated = [n - (n in (7, 8, 19)) - (n == 8) for n in range(30)]
    for segment in cut_into_segments(info, 4, 0):
        for pts, frame in read_frames(path, info, segment.pts):
            assert np.array_equal(frame, expected[repeated[info.pts.index(pts)]])


def test_the_last_frames_and_one_nobody_misses(whole: Path, tmp_path: Path) -> None:
    damage(whole, tmp_path / "end.mp4", (28, 29))
    info, result = send(tmp_path / "end.mp4", tmp_path / "out", CONCEAL)
    assert len(decode(result)) == 30
    assert info.conceal
    info = probe_video(whole, CONCEAL)
    assert (info.conceal, info.warnings) == (False, ())


def test_damage_in_frames_that_others_need(clip: ClipMaker, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    damage(clip("b_frames.mp4"), path, (5, 20))
    info, result = send(path, tmp_path / "out", CONCEAL)
    assert info.conceal
    assert [frame.time for frame in decode(result)] == pytest.approx([n / 30 for n in range(30)])
    assert is_exact(compare_videos(path, info, result))


def test_damage_in_an_interlaced_video(clip: ClipMaker, tmp_path: Path) -> None:
    """The frames are rewritten first, and those that were lost are missed only then."""
    path = tmp_path / "damaged.mp4"
    damage(clip("interlaced.mp4"), path, (5, 20))
    info, result = send(path, tmp_path / "out", CONCEAL)
    assert info.conceal
    assert [frame.time for frame in decode(result)] == pytest.approx([n / 30 for n in range(30)])
    assert is_exact(compare_videos(path, info, result))


def test_a_packet_that_is_cut(clip: ClipMaker, tmp_path: Path) -> None:
    whole, path = clip("flash.flv"), tmp_path / "cut.flv"
    with av.open(str(whole)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][20]
        assert packet.pos is not None
        path.write_bytes(whole.read_bytes()[: packet.pos + packet.size - 1])
    with pytest.raises(VideoRefusedError, match="packets are incomplete"):
        probe_video(path, PLANNING)
    info, result = send(path, tmp_path / "out", CONCEAL)
    assert any("packets of the source are damaged" in warning for warning in info.warnings)
    assert len(decode(result)) == info.frames == 21
