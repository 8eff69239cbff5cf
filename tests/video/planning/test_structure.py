"""Damage between frames loses some that no decoder misses; the file's structure tells."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, send
from triptych.video.media.info import VideoRefusedError
from triptych.video.planning.probing import probe_video
from triptych.video.planning.structure import find_break
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(60)
WHOLE = [name for name in clips.EXACT if name.endswith((".mkv", ".webm"))]


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_not_suspected(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    assert find_break(clip(name)) is None
    appended, live = tmp_path / "appended.mkv", tmp_path / "live.mkv"
    appended.write_bytes(clip(name).read_bytes() + b"This was recorded by some program. " * 9)
    assert find_break(appended) is None
    clips.run("-i", clip(name), "-map", "0", "-c", "copy", "-f", "matroska", "-live", "1", live)
    assert find_break(live) is None
    data = live.read_bytes()
    for length in range(len(data) * 3 // 4, len(data), 97):
        live.write_bytes(data[:length])
        assert find_break(live) is None


@pytest.mark.parametrize("name", ["plain.mp4", "transport_stream.ts", "avi_mpeg4.avi", "empty.mp4"])
def test_of_other_kinds_nothing_is_said(name: str, clip: ClipMaker) -> None:
    assert find_break(clip(name)) is None


def break_off(source: Path, target: Path) -> Path:
    """Overwrite the header of a block, behind which FFmpeg goes on at the next cluster."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        at = [packet.pos or 0 for packet in container.demux(video=0) if packet.size][20]
    data[at - 12 : at + 12] = bytes(255 - number * 7 for number in range(24))
    target.write_bytes(data)
    return target


def test_frames_between_are_missed(clip: ClipMaker, tmp_path: Path) -> None:
    path = break_off(clip("b_frames.mkv"), tmp_path / "broken.mkv")
    with pytest.raises(VideoRefusedError, match="the file is damaged: its structure breaks off at byte"):
        probe_video(path, PLANNING)
    info, result = send(path, tmp_path / "out", PLANNING.replace(damaged="conceal"))
    assert 0 < info.frames < 30
    assert any("structure of the source breaks off" in warning for warning in info.warnings)
    assert is_exact(compare_videos(path, info, result), 1)
