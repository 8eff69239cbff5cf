"""Run FFmpeg so that it cannot hang or be mistaken for done.

Arguments are built by ffmpeg-python and passed as a list, never through a shell. FFmpeg is the binary that
imageio-ffmpeg brings (or the one named by IMAGEIO_FFMPEG_EXE): the same version on every machine, as segments of
one video must come from the same encoder.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from functools import lru_cache
from typing import IO, Any

import ffmpeg  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]

from triptych.video.media.failures import raise_exit_failure

__all__ = ["QUIET", "FFmpegError", "compile_command", "list_encoders", "run_ffmpeg"]

# Names in transport streams make FFmpeg load the system's character sets, on which a static one (imageio-ffmpeg up to
# 0.7) crashes. Frames need none.
_NO_CHARACTER_SETS = {"GCONV_PATH": os.devnull}
QUIET = {"SVT_LOG": "1"}
"""Environment in which SVT-AV1 writes of errors only."""
GETTING_ON = (b"frame", b"out_time_us", b"total_size")
POLL_S = 0.2
LISTING_S = 60


class FFmpegError(RuntimeError):
    """FFmpeg failed or took too long; the message holds its last lines."""


def compile_command(stream: Any) -> list[str]:
    """Return the argument list of an ffmpeg-python stream; it never asks anything and overwrites its output."""
    stream = stream.global_args("-nostdin", "-hide_banner", "-loglevel", "error").overwrite_output()
    return list(ffmpeg.compile(stream, cmd=_find_program()))


def _find_program() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:  # on this machine there is none: no video is to blame
        raise FileNotFoundError(f"FFmpeg is missing: {error}") from None


@lru_cache(maxsize=1)
def list_encoders() -> frozenset[str]:
    """Name the encoders that FFmpeg was built with."""
    command = [_find_program(), "-hide_banner", "-encoders"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LISTING_S)  # noqa: S603
    return frozenset(line.split()[1] for line in found.stdout.splitlines() if len(line.split()) > 1)


def run_ffmpeg(stream: Any, timeout_s: float) -> None:
    """Run FFmpeg to its end, however long that takes as long as it gets on.

    Args:
        stream: What ffmpeg-python is to run.
        timeout_s: Kill it when it has done nothing for so long. Some damaged files make it spin and ignore gentler
            signals.

    Raises:
        FFmpegError: It failed, or was killed for standing still.
        OSError: The machine failed: a full disk, no FFmpeg, or FFmpeg was killed from outside.
        MemoryError: Memory ran out.
    """
    stream = stream.global_args("-progress", "pipe:1", "-stats_period", "0.2")
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - a list built here, no shell
            compile_command(stream),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | _NO_CHARACTER_SETS | QUIET,
        )
        try:
            code = _wait(process, timeout_s)
        finally:
            process.kill()
            process.wait()
        if code:
            raise_exit_failure(code, read_tail(log))
            raise FFmpegError(f"FFmpeg failed ({code}): {read_tail(log)}")


class _Progress:
    """How far FFmpeg says it is, and since when."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._said: dict[bytes, bytes] = {}
        self.since = time.monotonic()
        """When it last got on."""

    def follow(self) -> None:
        """Read to the end."""
        with self._pipe:
            for line in self._pipe:
                name, _, value = line.strip().partition(b"=")
                if name in GETTING_ON and self._said.get(name) != value:
                    self._said[name] = value
                    self.since = time.monotonic()


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    assert process.stdout is not None  # noqa: S101 - for mypy
    progress = _Progress(process.stdout)
    threading.Thread(target=progress.follow, name="progress", daemon=True).start()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(POLL_S, timeout_s))
        if time.monotonic() - progress.since > timeout_s:
            raise FFmpegError(f"FFmpeg got no further for {timeout_s:g} s")


def read_tail(log: Any) -> str:
    """Return the last few lines FFmpeg wrote."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return " / ".join(lines[-3:]) or "it gave no reason"
