"""The machine's failures are not the video's."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import ffmpeg  # type: ignore[import-untyped]
import pytest
from av.error import err_check

from tests.video.clips import short_clip
from tests.video.trips import FAST, PLANNING, ClipMaker, encode_segments
from triptych.video.media.decoding import read_frames
from triptych.video.media.failures import is_machine_failure, raise_exit_failure, refusing_garbage
from triptych.video.media.ffmpeg import FFmpegError, run_ffmpeg
from triptych.video.media.info import VideoRefusedError
from triptych.video.planning.probing import probe_video
from triptych.video.restitching.joining import restitch

pytestmark = pytest.mark.timeout(60)
PICTURE: Any = ffmpeg.input("testsrc2=size=640x480:duration=4", format="lavfi")


def make(number: int) -> Exception:
    with pytest.raises(av.FFmpegError) as caught:
        err_check(-number)
    return caught.value


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "EACCES", "ENOMEM"])
def test_numbers_of_the_machine(name: str, tmp_path: Path) -> None:
    (tmp_path / "read").touch()
    assert is_machine_failure(make(getattr(errno, name)), tmp_path / "read")


def test_what_ffmpeg_says_of_damaged_data_too(tmp_path: Path) -> None:
    """A file whose bytes can all be read is to blame itself for an error of input."""
    (tmp_path / "read").write_bytes(b"something")
    for number in (errno.EIO, errno.EPERM, errno.ENOENT, errno.ESTALE, errno.ENOTCONN):
        assert not is_machine_failure(make(number), tmp_path / "read")
        assert is_machine_failure(make(number))
    assert is_machine_failure(make(errno.EIO), tmp_path)  # a folder cannot be read
    assert not is_machine_failure(make(1094995529))  # AVERROR_INVALIDDATA
    assert not is_machine_failure(ValueError("of some library"))
    assert is_machine_failure(OSError("of some library"))


@pytest.mark.parametrize(
    ("code", "log", "expected"),
    [
        (228, "Error writing trailer: No space left on device", OSError),
        (244, "Error while filtering: Cannot allocate memory", MemoryError),
        (-9, "it gave no reason", OSError),
        (-15, "it gave no reason", OSError),
        (255, "Exiting normally, received signal 15.", OSError),
        (183, "Invalid data found when processing input", None),
        (-11, "it gave no reason", None),
    ],
)
def test_ends_of_processes(code: int, log: str, expected: type[Exception] | None) -> None:
    if expected is None:
        raise_exit_failure(code, log)
        return
    with pytest.raises(expected):
        raise_exit_failure(code, log)


def test_a_video_that_is_gone_is_not_to_blame(clip: ClipMaker, tmp_path: Path) -> None:
    """Another run has replaced the folder, or this machine does not see it."""
    info = probe_video(clip("plain.mp4"), PLANNING)
    with pytest.raises(FileNotFoundError) as decoding:
        list(read_frames(tmp_path / "plain.mp4", info, info.pts))
    assert not isinstance(decoding.value, av.FFmpegError)
    with pytest.raises(FileNotFoundError):
        probe_video(tmp_path / "plain.mp4", PLANNING)
    with pytest.raises(FileNotFoundError):
        restitch(clip("plain.mp4"), info, [tmp_path / "0.mp4"], tmp_path / "out.mp4", FAST)


def test_a_full_disk_while_rewriting() -> None:
    with pytest.raises(OSError, match="No space left"):
        run_ffmpeg(PICTURE.output("/dev/full", format="matroska", vcodec="rawvideo"), 60)


def test_a_full_disk_while_encoding(clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = probe_video(clip("plain.mp4"), PLANNING)
    put_in_place(tmp_path / "ffmpeg", "cat >/dev/null; echo 'av_interleaved_write_frame(): No space left on device' "
                 ">&2; exit 228", monkeypatch)  # fmt: skip
    with pytest.raises(OSError, match="No space left"):
        encode_segments(clip("plain.mp4"), info, tmp_path)


def test_rubbish_is_not_the_machines(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(FFmpegError, match="Invalid data"):
        run_ffmpeg(ffmpeg.input(str(tmp_path / "text.mp4")).output("/dev/null", format="null"), 60)


def test_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):
        run_ffmpeg(PICTURE.output("/dev/null", format="null"), 60)


def test_a_program_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place(tmp_path / "ffmpeg", "kill -9 $$", monkeypatch)
    with pytest.raises(OSError, match="killed from outside"):
        run_ffmpeg(PICTURE.output("/dev/null", format="null"), 60)


def put_in_place(path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a script stand for FFmpeg."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no further file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    most = max(numbers)
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(most - len(numbers) + 3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, *taken) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in taken:
            os.close(number)


def test_too_many_open_files(tmp_path: Path) -> None:
    path = short_clip(tmp_path / "a.mp4", 3)
    info = probe_video(path, PLANNING)
    with no_more_files():
        with pytest.raises(OSError, match="Too many open files") as probing:
            probe_video(path, PLANNING)
        with pytest.raises(OSError, match="Too many open files") as decoding:
            list(read_frames(path, info, info.pts))
    assert not isinstance(probing.value, av.FFmpegError)
    assert not isinstance(decoding.value, av.FFmpegError)


@pytest.mark.parametrize("error", [IndexError("x"), OverflowError("x"), UnicodeDecodeError("utf-8", b"", 0, 1, "x")])
def test_what_pyav_trips_over_is_the_videos(error: Exception) -> None:
    with pytest.raises(VideoRefusedError), refusing_garbage():
        raise error
