"""A file that lost its end is noticed by its structure, and a whole one is not suspected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker
from triptych.video.media.truncation import find_truncation, is_webm
from triptych.video.planning.probing import probe_video

KINDS = ["plain.mp4", "plain.mov", "plain.mkv", "webm.webm", "avi_mpeg4.avi"]


@pytest.mark.parametrize("name", KINDS)
def test_every_cut_is_noticed(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    data, cut = clip(name).read_bytes(), tmp_path / name
    assert find_truncation(clip(name)) is None
    for length in (len(data) - 1, *range(100, len(data), len(data) // 15)):
        cut.write_bytes(data[:length])
        assert "cut off" in str(find_truncation(cut)), length


@pytest.mark.parametrize("name", ["transport_stream.ts", "flash.flv", "text.mp4", "empty.mp4", "png.mp4"])
def test_of_other_kinds_nothing_is_said(name: str, clip: ClipMaker) -> None:
    assert find_truncation(clip(name)) is None


def test_zeros_after_the_end_are_no_cut(clip: ClipMaker, tmp_path: Path) -> None:
    padded = tmp_path / "padded.mp4"
    padded.write_bytes(clip("plain.mp4").read_bytes() + bytes(1000))
    assert find_truncation(padded) is None


TRAILERS = {
    "text": b"This video was recorded by a dashboard camera. " * 5,
    "id3": b"TAG" + b"Title".ljust(125, b"\0"),
    "vendor": b"\x7f\xff\xff\xffcAmX" + bytes(range(192)),
    "few bytes": b"end",
    "tiny box": b"\0\0\0\3trsh" + bytes(40),
}


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("layout", ["whole", "faststart", "fragmented"])
def test_what_is_appended_is_no_cut(trailer: str, layout: str, clip: ClipMaker, tmp_path: Path) -> None:
    """All boxes are there; what a program wrote behind them reads as a box larger than the file."""
    whole, path = lay_out(layout, clip, tmp_path), tmp_path / "appended.mp4"
    path.write_bytes(whole + TRAILERS[trailer])
    assert find_truncation(path) is None
    info = probe_video(path, PLANNING)
    assert [float(pts * info.time_base) for pts in info.pts] == pytest.approx([i / 30 for i in range(30)])


@pytest.mark.parametrize("layout", ["faststart", "fragmented"])
def test_a_cut_is_noticed_wherever_the_index_is(layout: str, clip: ClipMaker, tmp_path: Path) -> None:
    whole, path = lay_out(layout, clip, tmp_path), tmp_path / "cut.mp4"
    last = whole.rindex(b"mdat")
    for length in (len(whole) // 2, last - 4, last - 1, last + 4, last + 40):
        path.write_bytes(whole[:length])
        assert "cut off" in str(find_truncation(path)), length


def lay_out(layout: str, clip: ClipMaker, folder: Path) -> bytes:
    """Return the bytes of a clip whose index is behind, before or among the frames."""
    flags = {"faststart": "+faststart", "fragmented": "+frag_keyframe+empty_moov+skip_trailer"}
    if layout == "whole":
        return clip("plain.mp4").read_bytes()
    clips.run("-i", clip("no_audio.mp4"), "-c", "copy", "-movflags", flags[layout], folder / "laid_out.mp4")
    return (folder / "laid_out.mp4").read_bytes()


def test_live_recordings_do_not_say_how_long_they_are(clip: ClipMaker, tmp_path: Path) -> None:
    live = tmp_path / "live.mkv"
    clips.run("-i", clip("plain.mkv"), "-c", "copy", "-live", "1", live)
    assert find_truncation(live) is None


def test_large_boxes(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    box = b"\0\0\0\1mdat" + (24).to_bytes(8, "big") + bytes(8)
    path.write_bytes(box + b"\0\0\0\x08moov")
    assert find_truncation(path) is None
    path.write_bytes(b"\0\0\0\x08moov" + b"\0\0\0\0mdat" + bytes(50))
    assert find_truncation(path) is None
    path.write_bytes(b"\0\0\0\x08moov" + b"\0\0\0\1mdat" + (2**40).to_bytes(8, "big"))
    assert "24 of 1099511627784 bytes" in str(find_truncation(path))


def test_webm_is_told_from_matroska(clip: ClipMaker) -> None:
    assert is_webm(clip("webm.webm"))
    assert not is_webm(clip("plain.mkv"))
