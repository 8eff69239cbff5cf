"""Damaged frames are refused, or concealed at their own times and counted, as one wishes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, convert, decode, send
from triptych.video.media.decoding import read_frames
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.media.reader import DecodingError
from triptych.video.params import PlanningParams
from triptych.video.planning.probing import probe_video
from triptych.video.planning.segments import cut_into_segments
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(60)
CONCEAL = PLANNING.replace(damaged="conceal")
DAMAGED = (7, 8, 19)


def damage(source: Path, target: Path, frames: tuple[int, ...], share: float = 1) -> None:
    """Overwrite the packets of some frames, or their ends; of a whole one no decoder makes anything."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for number in frames:
            at, size = packets[number].pos, packets[number].size
            assert at is not None
            kept = round(size * (1 - share))
            data[at + kept : at + size] = b"\xff" * (size - kept)
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
    expected = [convert(info, frame) for frame in decode(whole)]
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


@pytest.mark.parametrize("name", ["b_frames.mp4", "interlaced.mp4"])
def test_damage_in_frames_that_others_need(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    """Frames of an interlaced video are rewritten first, and those that were lost are missed only then."""
    path = tmp_path / "damaged.mp4"
    damage(clip(name), path, (5, 20))
    info, result = send(path, tmp_path / "out", CONCEAL)
    assert info.conceal
    assert [frame.time for frame in decode(result)] == pytest.approx([n / 30 for n in range(30)])
    assert is_exact(compare_videos(path, info, result))


def test_damage_is_not_hidden_by_rewriting(clip: ClipMaker, tmp_path: Path) -> None:
    """FFmpeg makes something of most of a frame, says nothing, and the rewritten file looks sound."""
    source, path = clip("interlaced.mp4"), tmp_path / "damaged.mp4"
    damage(source, path, (5, 20), share=0.2)
    assert len(decode(path)) == 30
    with pytest.raises(VideoRefusedError, match="of its frames are damaged"):
        send(path, tmp_path / "out")


def test_a_cut_recording_that_is_interlaced_is_not_damaged(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.ts", tmp_path / "cut.ts"
    clips.run(*clips.picture(rate="60"), "-vf", "interlace", "-c:v", "libx264", "-flags", "+ildct+ilme", "-g", "10",
              "-pix_fmt", "yuv420p", whole)  # fmt: skip
    packets = [whole.read_bytes()[at : at + 188] for at in range(0, whole.stat().st_size, 188)]
    cut.write_bytes(b"".join(packets[:3] + packets[len(packets) // 5 :]))
    info, result = send(cut, tmp_path / "out")
    assert is_exact(compare_videos(cut, info, result))
    assert any("before the first keyframe" in warning for warning in info.warnings)
    info, _ = send(cut, tmp_path / "concealed", CONCEAL)
    assert not info.conceal


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


@pytest.mark.parametrize("name", ["raw_h264.h264", "avi_untimed.avi"])
def test_damage_is_not_hidden_where_no_times_are_known(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith(".h264"):
        data = bytearray(clip(name).read_bytes())
        middle = len(data) // 2
        data[middle : middle + 200] = bytes(number * 37 % 256 for number in range(200))
        path.write_bytes(data)
    else:
        damage(clip(name), path, (10,), share=0.5)
    with pytest.raises(VideoRefusedError, match="of its frames are damaged"):
        send(path, tmp_path / "out")
    info, result = send(path, tmp_path / "concealed", CONCEAL)
    assert any("are damaged and were concealed" in warning for warning in info.warnings)
    assert is_exact(compare_videos(path, info, result))


@pytest.mark.parametrize("planning", [PLANNING, CONCEAL])
@pytest.mark.parametrize("kind", ["raw", "interlaced"])
def test_rewriting_does_not_scale(kind: str, planning: PlanningParams, tmp_path: Path) -> None:
    """FFmpeg would bring frames of another size to that of the first ones, and not say so."""
    suffix = {"raw": "h264", "interlaced": "ts"}[kind]
    options = ["-vf", "interlace", "-flags", "+ildct+ilme"] if kind == "interlaced" else []
    parts = [tmp_path / f"{size}.{suffix}" for size in ("64x48", "96x64")]
    for part in parts:
        clips.run(*clips.picture(size=part.stem, rate="60"), *options, *clips.X264, part)
    path = tmp_path / f"both.{suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    if kind == "interlaced":
        clips.run("-i", f"concat:{parts[0]}|{parts[1]}", "-c", "copy", "-fflags", "+genpts", path)
    with pytest.raises(VideoRefusedError, match="the frame size changes from 64x48 to 96x64"):
        send(path, tmp_path / "out", planning)
