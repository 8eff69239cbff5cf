"""Exactly the frames asked for, wherever one begins, and no waiting for ever."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.video.trips import PLANNING, ClipMaker, convert, decode
from triptych.video.media import reader
from triptych.video.media.decoding import read_frames
from triptych.video.media.reader import DecodingError
from triptych.video.planning.probing import probe_video
from triptych.video.planning.segments import cut_into_segments

pytestmark = pytest.mark.timeout(60)


def wait_for_no_decoder() -> None:
    deadline = time.monotonic() + 10
    while any(thread.name == "decoder" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a decoder is left running"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "name",
    ["plain.mp4", "b_frames.mp4", "open_gop_hevc.mp4", "open_gop_hevc.mkv", "open_gop_h264.mp4", "edit_list.mp4",
     "video_offset.mkv", "variable_rate.mp4", "webm_vp8.webm", "webm.webm", "transport_stream.ts",
     "program_stream.mpg", "flash.flv", "avi_mpeg4.avi"],
)  # fmt: skip
def test_a_frame_is_the_same_wherever_reading_begins(name: str, clip: ClipMaker) -> None:
    path = clip(name)
    info = probe_video(path, PLANNING)
    expected = {frame.pts: convert(info, frame) for frame in decode(path)}
    assert set(info.pts) <= set(expected)
    for segment in cut_into_segments(replace(info, keyframes=()), 4, 0):
        read = list(read_frames(path, info, segment.pts))
        assert tuple(pts for pts, _ in read) == segment.pts
        assert all(np.array_equal(frame, expected[pts]) for pts, frame in read)


def test_frames_here_and_there(clip: ClipMaker) -> None:
    info = probe_video(clip("b_frames.mp4"), PLANNING)
    asked = info.pts[3::7]
    assert [pts for pts, _ in read_frames(clip("b_frames.mp4"), info, asked, threads=1)] == list(asked)
    assert list(read_frames(clip("b_frames.mp4"), info, [])) == []


def test_a_frame_that_is_not_there(clip: ClipMaker) -> None:
    info = probe_video(clip("plain.mp4"), PLANNING)
    frames = read_frames(clip("plain.mp4"), info, [info.pts[2], info.pts[2] + 1, info.pts[3]])
    assert next(frames)[0] == info.pts[2]
    with pytest.raises(DecodingError, match="plain.mp4 cannot be decoded"):
        next(frames)
    with pytest.raises(DecodingError, match="cannot be decoded"):
        list(read_frames(clip("plain.mp4"), info, [info.pts[-1] + 1000]))


def test_another_size_than_planned(clip: ClipMaker) -> None:
    info = replace(probe_video(clip("plain.mp4"), PLANNING), width=32)
    with pytest.raises(DecodingError, match="changes to 64x48"):
        list(read_frames(clip("plain.mp4"), info, info.pts))


def test_a_file_that_went_away(clip: ClipMaker) -> None:
    info = probe_video(clip("plain.mp4"), PLANNING)
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4"):  # which is no fault of the video
        list(read_frames(clip("plain.mp4").with_name("gone.mp4"), info, info.pts))


def test_few_frames_are_held_and_stopping_early_stops_the_thread(clip: ClipMaker) -> None:
    info = probe_video(clip("plain.mp4"), PLANNING)
    frames = read_frames(clip("plain.mp4"), info, info.pts)
    next(frames)
    assert any(thread.name == "decoder" for thread in threading.enumerate())
    frames.close()  # type: ignore[attr-defined]
    wait_for_no_decoder()


def test_a_decoder_that_hangs_is_given_up(clip: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    info = probe_video(clip("plain.mp4"), PLANNING)
    release = threading.Event()
    monkeypatch.setattr(reader, "read_packets", lambda *_: iter(release.wait, True))
    begin = time.monotonic()
    with pytest.raises(DecodingError, match="no frame came for 0.3 s"):
        list(read_frames(clip("plain.mp4"), info, info.pts, timeout_s=0.3))
    assert time.monotonic() - begin < 5
    release.set()
    wait_for_no_decoder()
