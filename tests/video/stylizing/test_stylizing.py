"""Segments are made one after the other without a pause, and no failure but the video's own is the video's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.stylizing.shares import Identity, list_all, make_stylizer, plan, write_clip
from tests.video.trips import FAST, decode
from triptych.video.media import reader as decoding
from triptych.video.media.encoding import describe_encoder
from triptych.video.media.reader import VideoReader
from triptych.video.params import SmoothingParams
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.work import Work

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return tmp_path / "clips"


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    return SegmentStore(tmp_path / "segments")


@pytest.fixture
def style(tmp_path: Path) -> Path:
    """Return what is hashed as a style; no network is made of it."""
    path = tmp_path / "style.pth"
    path.write_bytes(b"weights")
    return path


def ignore(_: int) -> None:
    pass


def count_decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    decoded: list[int] = []
    decode_all = decoding._decode_all

    def counting(*arguments: Any) -> Iterator[av.VideoFrame]:
        for frame in decode_all(*arguments):
            decoded.append(frame.pts or 0)
            yield frame

    monkeypatch.setattr(decoding, "_decode_all", counting)
    return decoded


def test_a_video_with_one_keyframe_is_decoded_once(
    clips: Path, store: SegmentStore, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(clips / "long.mp4", 600, "64x48", "-g", "10000", "-sc_threshold", "0")
    (video,) = plan(clips, style, segment_frames=24)
    assert (len(video.segments), len(video.info.keyframes)) == (25, 1)
    decoded = count_decodes(monkeypatch)
    counts = make_stylizer(clips, store, Identity()).stylize(list_all([video]), ignore)
    assert (counts["done"], counts["frames"]) == (25, 600)
    assert len(decoded) <= 600


def test_lead_frames_are_not_decoded_twice(
    clips: Path, store: SegmentStore, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(clips / "long.mp4", 120, "64x48", "-g", "10000", "-sc_threshold", "0")
    smoothing = SmoothingParams(method="average_input", weight=0.5, lead_frames=5)
    (video,) = plan(clips, style, smoothing, segment_frames=12)
    decoded = count_decodes(monkeypatch)
    counts = make_stylizer(clips, store, Identity(), smoothing).stylize(list_all([video]), ignore)
    assert counts["frames"] == 120
    assert len(decoded) <= 120


def test_far_apart_it_seeks(clips: Path, style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(clips / "a.mp4", 300, "64x48", "-g", "30")
    (video,) = plan(clips, style)
    decoded = count_decodes(monkeypatch)
    reader = VideoReader(clips / "a.mp4", video.info)
    asked = [*video.info.pts[:3], *video.info.pts[270:273]]
    assert [pts for part in (asked[:3], asked[3:]) for pts, _ in reader.read(part)] == asked
    reader.close()
    assert len(decoded) < 60


def test_segments_hold_the_frames_of_the_plan(clips: Path, store: SegmentStore, style: Path) -> None:
    for number, size in enumerate(("64x48", "96x48", "64x48")):
        write_clip(clips / f"{number}.mp4", 25 + number, size, "-crf", "1")
    videos = plan(clips, style, segment_frames=10)
    network = Identity(batch_size=8)
    made: list[int] = []
    counts = make_stylizer(clips, store, network).stylize(list_all(videos), made.append)
    assert (counts["done"], counts["failed"], sum(made)) == (9, 0, 25 + 26 + 27)
    # Full but where the size of frames changes: segments and videos do not end a batch.
    assert network.batches == [8, 8, 8, 1, 8, 8, 8, 2, 8, 8, 8, 3]
    for video, work in zip(videos, range(3), strict=True):
        keys = [item.key for item in list_all(videos) if item.video.name == f"{work}.mp4"]
        shown = [frame for key in keys for frame in decode(store.video_path(key))]
        source = decode(clips / video.name)
        assert len(shown) == len(source)
        for ours, theirs in zip(shown, source, strict=True):
            luma = [np.asarray(frame.to_ndarray()[: frame.height], np.int16) for frame in (ours, theirs)]
            assert np.abs(luma[0] - luma[1]).mean() < 3


def damage(path: Path) -> None:
    """Overwrite the second half of the packets' bytes."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    middle = start + (len(data) - start) // 3
    rng = np.random.default_rng(0)
    data[middle : middle + 6000] = rng.integers(0, 255, 6000, dtype=np.uint8).tobytes()
    path.write_bytes(data)


def test_a_damaged_video_loses_no_other(clips: Path, store: SegmentStore, style: Path) -> None:
    for crf, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):  # the same video has the same segments
        write_clip(clips / name, 60, "64x48", "-g", "10", "-crf", str(crf), "-movflags", "faststart")
    videos = plan(clips, style, segment_frames=20)
    damage(clips / "b.mp4")
    work = list_all(videos)
    counts = make_stylizer(clips, store, Identity(batch_size=4)).stylize(work, ignore)
    by_video = {
        name: [store.find(item.key) is not None for item in work if item.video.name == f"{name}.mp4"] for name in "abc"
    }
    assert by_video["a"] == by_video["c"] == [True] * 3
    assert not all(by_video["b"])
    assert counts["failed"] == by_video["b"].count(False)
    reasons = {store.failure(item.key) for item in work if item.video.name == "b.mp4"} - {None}
    assert len(reasons) == 1
    assert "DecodingError" in str(reasons)
    assert not list(store.folder.rglob("*.part"))


def test_a_failing_network_is_not_the_videos_fault(clips: Path, store: SegmentStore, style: Path) -> None:
    write_clip(clips / "a.mp4", 60)
    work = list_all(plan(clips, style, segment_frames=20))
    network = Identity(fail_at=30, error=RuntimeError("CUDA error: out of memory"))
    with pytest.raises(RuntimeError, match="CUDA error"):
        make_stylizer(clips, store, network).stylize(work, ignore)
    assert [store.find(item.key) is not None for item in work] == [True, False, False]
    assert [store.failure(item.key) for item in work] == [None] * 3
    assert not list(store.folder.rglob("*.part"))
    counts = make_stylizer(clips, store, Identity()).stylize(work, ignore)
    assert (counts["skipped"], counts["done"]) == (1, 2)


def test_a_full_disk_is_not_the_videos_fault(
    clips: Path, store: SegmentStore, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(clips / "a.mp4", 40)
    work = list_all(plan(clips, style, segment_frames=20))
    monkeypatch.setattr("triptych.video.media.encoding.describe_encoder", encode_to_full_disk)
    with pytest.raises(OSError, match="No space left"):
        make_stylizer(clips, store, Identity()).stylize(work, ignore)
    assert [store.failure(item.key) for item in work] == [None] * 2


def encode_to_full_disk(_: Path, *arguments: Any) -> Any:
    return describe_encoder(Path("/dev/full"), *arguments)


def test_a_decoder_that_hangs_loses_no_other_video(
    clips: Path, store: SegmentStore, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for crf, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):
        write_clip(clips / name, 20, "64x48", "-crf", str(crf))
    work = list_all(plan(clips, style, segment_frames=10))
    release = threading.Event()
    read = VideoReader._decode

    def hang(self: VideoReader, wanted: Any) -> Any:
        if self._path.name == "b.mp4":
            release.wait(30)
        return read(self, wanted)

    monkeypatch.setattr(VideoReader, "_decode", hang)
    threading.Timer(3, release.set).start()
    counts = make_stylizer(clips, store, Identity(), patience_s=0.5).stylize(work, ignore)
    assert (counts["done"], counts["failed"]) == (4, 2)
    assert "no frame came for 0.5 s" in str(store.failure(work[2].key))


def test_what_is_taken_late_is_taken(clips: Path, store: SegmentStore, style: Path) -> None:
    write_clip(clips / "a.mp4", 40)
    work = list_all(plan(clips, style, segment_frames=10))

    def give() -> Iterator[Work]:
        yield work[3]
        yield work[0]

    counts = make_stylizer(clips, store, Identity()).stylize(give(), ignore)
    assert counts["done"] == 2
    assert [store.find(item.key) is not None for item in work] == [True, False, False, True]


def test_a_storage_that_is_slow_is_not_the_videos_fault(clips: Path, store: SegmentStore, style: Path) -> None:
    """To claim a segment in blob storage may take as long as a network is down."""
    write_clip(clips / "a.mp4", 20)
    work = list_all(plan(clips, style, segment_frames=10))

    def give() -> Iterator[Work]:
        for item in work:
            time.sleep(1)
            yield item

    counts = make_stylizer(clips, store, Identity(), patience_s=0.3).stylize(give(), ignore)
    assert (counts["done"], counts["failed"]) == (2, 0)


@pytest.mark.parametrize(("codec", "size"), [("hevc", "64x14"), ("av1", "2x2"), ("h264", "2x2")])
def test_a_video_too_small_for_the_codec_loses_no_other(
    clips: Path, store: SegmentStore, style: Path, codec: Any, size: str
) -> None:
    write_clip(clips / "a_small.mp4", 3, size)
    write_clip(clips / "b_large.mp4", 3)
    small, large = plan(clips, style)
    encoding = FAST.replace(codec=codec)
    works = list_all([small, large], encoding)
    counts = make_stylizer(clips, store, Identity(), encoding=encoding).stylize(works, ignore)
    refused = codec != "h264"
    assert (counts["done"], counts["failed"]) == (1 if refused else 2, int(refused))
    reason = store.failure(works[0].key) or ""
    assert (f"cannot encode frames of {size}: set video.encoding.codec to h264" in reason) == refused
