"""Tell failures of the machine from those of a video.

A video that cannot be decoded is put aside, once and for all. A full disk, memory that ran out or a missing program
say nothing of the video: they must end the step, so that it is run again. FFmpeg reports both by the same kind of
error; here is the one place that tells them apart.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from triptych.video.media.info import VideoRefusedError

__all__ = ["is_machine_failure", "raise_exit_failure", "raise_machine_failure", "refusing_garbage"]

MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.ENOMEM}
)  # fmt: skip
# FFmpeg has the first two for data that end too soon and for whatever its readers give no better number; the others
# are of a file that is gone, or of a disk or network that is.
DOUBTFUL = frozenset(
    {errno.EIO, errno.EPERM, errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT,
     errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNRESET}
)  # fmt: skip
# FFmpeg's own crashes: the same file brings them about again. All other signals come from outside.
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})
BLOCK = 2**20


def raise_machine_failure(error: BaseException, read: Path | None = None) -> None:
    """Raise what failed where that was the machine; return where the video is to blame.

    Call it first in every `except` that would blame a video.

    Args:
        error: What was raised.
        read: The file that was being read, if one was. FFmpeg reports some damaged data as errors of input, so
            that file is then read once more without FFmpeg.

    Raises:
        OSError: A full disk, too many open files, no permission and the like; never one of PyAV's own classes.
        MemoryError: Memory ran out.
    """
    if isinstance(error, av.FFmpegError):
        if error.errno in MACHINE or (error.errno in DOUBTFUL and read is None):
            raise _as_builtin(error.errno, str(error)) from error
        if error.errno in DOUBTFUL and read is not None:
            _read_through(read)
    elif isinstance(error, (OSError, MemoryError)):
        raise error


def is_machine_failure(error: BaseException, read: Path | None = None) -> bool:
    """Tell whether `raise_machine_failure` would raise."""
    try:
        raise_machine_failure(error, read)
    except (OSError, MemoryError):
        return True
    return False


def raise_exit_failure(code: int, log: str) -> None:
    """Raise where a process of FFmpeg ended for the machine's sake.

    Args:
        code: Its exit code; negative for a signal, as `subprocess` has it.
        log: What it wrote last.

    Raises:
        OSError: Its log names a full disk and the like, or it was killed from outside.
        MemoryError: Its log says that memory ran out.
    """
    for number in sorted(MACHINE):
        if os.strerror(number) in log:
            raise _as_builtin(number, f"FFmpeg failed ({code}): {log}")
    if (code < 0 and -code not in CRASHES) or (code and "received signal" in log):
        raise InterruptedError(f"FFmpeg was killed from outside ({code}); by SIGKILL (-9) where memory ran out: {log}")


@contextmanager
def refusing_garbage() -> Iterator[None]:
    """Refuse a file on which PyAV trips by something else than an error of FFmpeg; put it around PyAV alone."""
    try:
        yield
    except (av.FFmpegError, VideoRefusedError):
        raise
    except (ValueError, LookupError, OverflowError) as error:
        raise VideoRefusedError(f"it is no video file that can be read ({type(error).__name__}: {error})") from error


def _as_builtin(number: int, text: str) -> OSError | MemoryError:
    return MemoryError(text) if number == errno.ENOMEM else OSError(number, text)


def _read_through(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(BLOCK):
            pass
