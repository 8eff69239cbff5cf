"""What is told of a video, and limits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, decode, send
from triptych.video.media.info import ColourTags
from triptych.video.params import PlanningParams
from triptych.video.planning import sampling
from triptych.video.planning.probing import VideoRefusedError, probe_video
from triptych.video.restitching.verification import compare_videos, is_exact


@pytest.mark.parametrize("name", clips.EXACT)
def test_times_are_those_of_the_decoded_frames(name: str, clip: ClipMaker) -> None:
    assert list(probe_video(clip(name), PLANNING).pts) == [frame.pts for frame in decode(clip(name))]


def test_description(clip: ClipMaker) -> None:
    info = probe_video(clip("fractional_rate.mkv"), PLANNING)
    assert (info.container, info.codec, info.width, info.height) == ("mkv", "h264", 64, 48)
    assert (info.rate, info.frames, info.bit_depth) == (Fraction(30000, 1001), 30, 8)
    assert [stream.type for stream in info.streams] == ["video", "audio"]
    assert probe_video(clip("rotation.mp4"), PLANNING).rotation == 90
    assert probe_video(clip("sample_aspect_ratio.mkv"), PLANNING).sample_aspect_ratio == Fraction(16, 15)
    assert probe_video(clip("bt601.mp4"), PLANNING).colours == ColourTags("tv", *["smpte170m"] * 3)
    assert probe_video(clip("ten_bit.mp4"), PLANNING).bit_depth == 10


def test_frames_are_decoded_once_from_a_keyframe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file with one keyframe, every place begins with the same frames."""
    path = tmp_path / "long.mp4"
    clips.run("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30:duration=4", "-c:v", "libx264", "-g", "999", path)
    decoded: list[object] = []
    decode_all = sampling._decode

    def count(*arguments: Any) -> Iterator[av.VideoFrame]:
        for frame in decode_all(*arguments):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(sampling, "_decode", count)
    assert len(probe_video(path, PLANNING).keyframes) == 1
    assert len(decoded) <= sampling.SAMPLED_FRAMES + sampling.FRAMES_A_PLACE + 2
    decoded.clear()
    compare_videos(path, probe_video(path, PLANNING, look_for_fields=False), path)
    # Of source and result the first frames: how they were interlaced is of no matter to what is compared.
    assert len(decoded) <= 3 * (sampling.SAMPLED_FRAMES + 1)


def test_variable_rate_is_measured(clip: ClipMaker) -> None:
    info = probe_video(clip("variable_rate.mkv"), PLANNING)
    seconds = float((info.pts[-1] - info.pts[0]) * info.time_base)
    assert float(info.rate) == pytest.approx((info.frames - 1) / seconds, rel=0.02)


def test_a_recording_that_begins_before_a_keyframe(clip: ClipMaker, tmp_path: Path) -> None:
    """As cut out of a broadcast: what cannot be decoded is left out, and said."""
    whole = clip("transport_stream.ts").read_bytes()
    packets = [whole[i : i + 188] for i in range(0, len(whole), 188)]
    cut = tmp_path / "cut.ts"
    # The tables, then the stream from its middle on.
    cut.write_bytes(b"".join(packets[:3] + packets[len(packets) // 3 :]))
    info = probe_video(cut, PLANNING)
    assert list(info.pts) == [frame.pts for frame in decode(cut)]
    assert any("before the first keyframe" in warning for warning in info.warnings)


def test_a_recording_cut_before_any_sound_comes(clip: ClipMaker, tmp_path: Path) -> None:
    """A transport stream announces sound in its tables; this one ends before there is any."""
    whole = clip("transport_stream.ts").read_bytes()
    packets = [whole[i : i + 188] for i in range(0, len(whole), 188)]
    sound = next(i for i, packet in enumerate(packets) if int.from_bytes(packet[1:3], "big") & 0x1FFF == 0x101)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(b"".join(packets[:sound]))
    info, result = send(cut, tmp_path / "out")
    assert 0 < info.frames < 30
    assert is_exact(compare_videos(cut, info, result))


def test_large_frames_are_refused(clip: ClipMaker) -> None:
    with pytest.raises(VideoRefusedError, match="64x48 pixels, above max_pixels = 3071"):
        probe_video(clip("plain.mp4"), PLANNING.replace(max_pixels=64 * 48 - 1))


def test_frames_of_8k_are_taken(tmp_path: Path) -> None:
    clips.run(*clips.picture(size="8192x4320", rate="2"), "-c:v", "mjpeg", "-q:v", "31", tmp_path / "large.mkv")
    info = probe_video(tmp_path / "large.mkv", PlanningParams())
    assert (info.width, info.height, info.frames) == (8192, 4320, 2)


def test_reading_that_stands_still_is_refused(clip: ClipMaker) -> None:
    with pytest.raises(VideoRefusedError, match="no further for 1e-09 s"):
        probe_video(clip("plain.mp4"), PLANNING.replace(timeout_s=1e-9))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the video is gone"):
        probe_video(tmp_path / "none.mp4", PLANNING)
