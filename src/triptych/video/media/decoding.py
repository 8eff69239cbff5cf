"""Decode frames in a thread that works ahead."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.video.media.conversion import plan_conversion
from triptych.video.media.info import VideoInfo
from triptych.video.media.planes import Planes
from triptych.video.media.reader import DecodingError, StoppedError, VideoReader, tell

__all__ = ["read_frames", "read_planes"]

PREFETCHED = 4
POLL_S = 0.1


def read_frames(
    path: Path, info: VideoInfo, pts: Sequence[int], *, threads: int = 0, timeout_s: float = 120.0
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decode frames as RGB of 8 bits, which is what people look at; see `read_planes`.

    Yields:
        Presentation time and RGB frame, uint8 (height, width, 3), for each of `pts` in their order.
    """
    conversion = plan_conversion(info)
    with contextlib.closing(read_planes(path, info, pts, threads=threads, timeout_s=timeout_s)) as frames:
        for at, planes in frames:
            yield at, conversion.to_bytes(planes)


def read_planes(
    path: Path, info: VideoInfo, pts: Sequence[int], *, threads: int = 0, timeout_s: float = 120.0
) -> Generator[tuple[int, Planes], None, None]:
    """Decode frames by their presentation times.

    Decoding runs a few frames ahead in a thread, so that it overlaps with what the caller does; memory does not
    grow with the length. Asking for consecutive segments at once saves seeking between them.

    Args:
        path: The file the times belong to: the source, or what `normalise_video` made of it.
        info: Its description.
        pts: Presentation times, ascending.
        threads: Threads of the decoder; 0 takes as many as there are cores.
        timeout_s: Give up when no frame comes for so long.

    Yields:
        Presentation time and planes, as the layout that `plan_conversion` names as the source's has them, for each
        of `pts` in their order.

    Raises:
        DecodingError: A frame is missing or damaged and `info` does not say to conceal it, or is of another size.
        OSError: The machine failed.
        MemoryError: Memory ran out.
    """
    if not pts:
        return
    ready: queue.Queue[Any] = queue.Queue(PREFETCHED)
    stop = threading.Event()
    reader = VideoReader(path, info, threads=threads, stopped=stop.is_set)
    threading.Thread(target=_read_into, args=(ready, stop, reader, pts), name="decoder", daemon=True).start()
    try:
        for expected in pts:
            try:
                item = ready.get(timeout=timeout_s)
            except queue.Empty:
                raise DecodingError(f"no frame came for {timeout_s:g} s at {tell(info, expected)}") from None
            if isinstance(item, Exception):
                raise item
            if item is None or item[0] != expected:
                raise DecodingError(f"the frame at {tell(info, expected)} cannot be decoded")
            yield item
    finally:
        stop.set()


def _read_into(ready: queue.Queue[Any], stop: threading.Event, reader: VideoReader, pts: Sequence[int]) -> None:
    """Decode until all is there, the caller stops, or something fails; then say so."""

    def put(item: Any) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                return ready.put(item, timeout=POLL_S)
        raise StoppedError

    with contextlib.suppress(StoppedError), contextlib.closing(reader):
        try:
            for frame in reader.read(pts):
                put(frame)
            put(None)
        except StoppedError:
            raise
        except Exception as error:
            put(error)
