"""Every clip of the torture set, with frames unchanged: exact, or refused for its documented reason."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video import clips
from tests.video.trips import FAST, PLANNING, ClipMaker, decode, send, show
from triptych.video.media.reader import DecodingError
from triptych.video.params import EncodingParams
from triptych.video.planning.probing import VideoInfo, VideoRefusedError, probe_video
from triptych.video.restitching.joining import RestitchingError
from triptych.video.restitching.verification import compare_videos, is_exact

pytestmark = pytest.mark.timeout(120)


def assert_nothing_half_written(folder: Path) -> None:
    assert [path.name for path in folder.rglob("*") if ".part" in path.name] == []


def assert_shown_alike(source: Path, info: VideoInfo, result: Path) -> None:
    """Compare what a decoder shows, frame by frame, without our own probing."""
    before, after = decode(source), decode(result)
    assert len(before) == len(after)
    assert [frame.time for frame in after] == pytest.approx([frame.time for frame in before], abs=1e-9)
    like = before[0].format.name == after[0].format.name and info.codec in ("h264", "hevc")
    for a, b in zip(before[::9], after[::9], strict=True):
        # Shrunk, as colour is kept for pairs of pixels only. swscale takes the colour of H.264 to lie half a pixel
        # beside that of other codecs, which is 2.5 levels on pictures as small as these.
        assert np.abs(show(a, shrink=4) - show(b, shrink=4)).mean() < (1 if like else 3)


@pytest.mark.parametrize("name", clips.EXACT)
def test_exact(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    source = clip(name)
    info, result = send(source, tmp_path, encoding=FAST.replace(crf=6))
    comparison = compare_videos(source, info, result)
    assert is_exact(comparison), comparison
    # mpeg program streams count sound in 90 kHz, their result in milliseconds or in samples.
    assert comparison["max_audio_error_ms"] <= (0.5 if name.endswith((".mpg", ".flv")) else 0)
    assert comparison["subtitles_identical"]
    assert comparison["chapters_out"] == comparison["chapters_in"] == (2 if name.startswith("chapters") else 0)
    assert_shown_alike(source, info, result)
    assert_nothing_half_written(tmp_path)


@pytest.mark.parametrize("name", clips.NORMALISED)
def test_normalised(name: str, clip: ClipMaker, tmp_path: Path) -> None:
    source = clip(name)
    info, result = send(source, tmp_path)
    assert is_exact(compare_videos(source, info, result))
    assert info.frames == len(decode(source)) == 30
    assert len(info.warnings) == 1
    assert_nothing_half_written(tmp_path)


@pytest.mark.parametrize("name", clips.REFUSED)
def test_refused(name: str, clip: ClipMaker) -> None:
    with pytest.raises(VideoRefusedError, match=clips.REFUSED[name][1]):
        probe_video(clip(name), PLANNING)


@pytest.mark.parametrize("name", ["interlaced.mp4", "raw_h264.h264"])
def test_what_could_be_normalised_is_refused_on_demand(name: str, clip: ClipMaker) -> None:
    strict = PLANNING.replace(interlaced="refuse", missing_timestamps="refuse")
    with pytest.raises(VideoRefusedError, match="which the parameters of planning refuse"):
        probe_video(clip(name), strict)


def test_hdr_can_be_tone_mapped(clip: ClipMaker, tmp_path: Path) -> None:
    source = clip("hdr.mp4")
    info, result = send(source, tmp_path, PLANNING.replace(hdr="tone_map"))
    assert is_exact(compare_videos(source, info, result))
    frame = decode(result)[0]
    assert (frame.colorspace, frame.color_trc, frame.color_primaries, frame.format.name) == (1, 1, 1, "yuv420p")
    # Neither black nor burnt out.
    assert 10 < show(frame).mean() < 200


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "name", ["b_frames.mp4", "fractional_rate.mp4", "video_offset.mp4", "video_offset.mkv", "plain.mov", "opus.mkv",
             "variable_rate.mp4", "start_offset.mkv", "edit_list.mp4", "rotation.mp4", "sample_aspect_ratio.mkv",
             "full_range.mp4", "transport_stream.ts", "two_audio_streams.mkv", "chapters.mp4"]
)  # fmt: skip
def test_another_container(name: str, container: str, clip: ClipMaker, tmp_path: Path) -> None:
    source = clip(name)
    encoding = EncodingParams(container=container, preset="ultrafast")  # type: ignore[arg-type]
    info, result = send(source, tmp_path, encoding=encoding)
    comparison = compare_videos(source, info, result)
    # mkv counts milliseconds.
    assert is_exact(comparison, tick_ms=0.5 if container == "mkv" else 0), comparison
    assert comparison["max_audio_error_ms"] <= 1
    assert comparison["chapters_out"] == comparison["chapters_in"]


def test_the_same_bytes_every_time(clip: ClipMaker, tmp_path: Path) -> None:
    for name in ("plain.mp4", "subtitles.mkv", "transport_stream.ts"):
        results = [send(clip(name), tmp_path / run)[1].read_bytes() for run in ("first", "second")]
        assert results[0] == results[1]


def test_streams_beside_the_first_video_are_kept(clip: ClipMaker, tmp_path: Path) -> None:
    source = clip("two_videos.mp4")
    info, result = send(source, tmp_path)
    assert info.warnings == ("video stream 1 is kept as it is, only stream 0 is stylized",)
    for a, b in zip(decode(source, 1), decode(result, 1), strict=True):
        assert a.pts == b.pts
        assert np.array_equal(a.to_ndarray(), b.to_ndarray())


def test_languages_titles_and_attachments_are_kept(clip: ClipMaker, tmp_path: Path) -> None:
    _, result = send(clip("two_audio_streams.mp4"), tmp_path)
    with av.open(str(result)) as container:
        assert [stream.language for stream in container.streams.audio] == ["eng", "deu"]
    _, result = send(clip("styled_subtitles.mkv"), tmp_path)
    with av.open(str(clip("styled_subtitles.mkv"))) as before, av.open(str(result)) as after:
        (font,), (copy,) = before.streams.attachments, after.streams.attachments
        assert copy.data == font.data == bytes(range(256)) * 8
        assert copy.name == font.name
    _, result = send(clip("chapters.mkv"), tmp_path)
    with av.open(str(result)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Beginning", "End"]
        assert container.metadata["title"] == "Torture"


@pytest.mark.parametrize("seed", range(24))
def test_damage_is_noticed_or_harmless(seed: int, clip: ClipMaker, tmp_path: Path) -> None:
    """Overwritten, missing and added bytes: an exact result or an error of ours, soon, and no half files."""
    chance = random.Random(seed)  # noqa: S311 - damage, not secrets
    source = clip(["plain.mp4", "b_frames.mkv", "open_gop_hevc.mp4", "transport_stream.ts", "webm_vp8.webm",
                   "flash.flv"][seed % 6])  # fmt: skip
    data = bytearray(source.read_bytes())
    at = chance.randrange(len(data))
    kind = seed // 6
    if kind == 0:
        data = data[:at]
    elif kind == 1:
        data[at : at + 200] = bytes(min(200, len(data) - at))
    elif kind == 2:
        for _ in range(40):
            data[chance.randrange(len(data))] = chance.randrange(256)
    else:
        data[at:at] = chance.randbytes(50)
    damaged = tmp_path / source.name
    damaged.write_bytes(data)
    folder = tmp_path / "out"
    try:
        info, result = send(damaged, folder)
    except (VideoRefusedError, DecodingError, RestitchingError):
        assert not (folder / source.name).exists()
    else:
        comparison = compare_videos(damaged, info, result)
        assert comparison["frames_out"] == comparison["frames_in"]
    assert_nothing_half_written(tmp_path)


def test_scrambled_frames_do_not_hang(clip: ClipMaker, tmp_path: Path) -> None:
    info = probe_video(clip("scrambled.mp4"), PLANNING)
    try:
        _, result = send(clip("scrambled.mp4"), tmp_path)
        assert len(decode(result)) == info.frames
    except DecodingError as error:
        assert "cannot be decoded" in str(error)  # noqa: PT017 - either end is right
    assert_nothing_half_written(tmp_path)


def test_frames_that_are_repeated_by_an_empty_packet(tmp_path: Path) -> None:
    """Theora and AVI have such; they are no frames, and the one before is shown for longer."""
    clips.theora(tmp_path / "theora.ogv")
    info, result = send(tmp_path / "theora.ogv", tmp_path / "out")
    assert 5 < info.frames < 20
    assert [frame.time for frame in decode(result)] == pytest.approx([float(at * info.time_base) for at in info.pts])
    assert is_exact(compare_videos(tmp_path / "theora.ogv", info, result))
