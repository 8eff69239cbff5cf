"""Decode exactly the frames asked for, in a thread that works ahead."""

from __future__ import annotations

import contextlib
import queue
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from triptych.video.media.colours import plan_conversion
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoInfo

__all__ = ["DecodingError", "VideoReader", "read_frames"]

Frame = tuple[int, NDArray[np.uint8]]
PREFETCHED = 4
POLL_S = 0.1
SEEK_FRAMES = 8  # decoding as many costs about what a seek does


class DecodingError(RuntimeError):
    """Frames of the plan could not be decoded."""


def read_frames(
    path: Path, info: VideoInfo, pts: Sequence[int], *, threads: int = 0, timeout_s: float = 120.0
) -> Iterator[Frame]:
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
        Presentation time and RGB frame, uint8 (height, width, 3), for each of `pts` in their order.

    Raises:
        DecodingError: A frame is missing or damaged and `info` does not say to conceal it, or is of another size.
        OSError: The machine failed.
        MemoryError: Memory ran out.
    """
    if not pts:
        return
    ready: queue.Queue[Frame | Exception | None] = queue.Queue(PREFETCHED)
    stop = threading.Event()
    reader = VideoReader(path, info, threads=threads, stopped=stop.is_set)
    threading.Thread(target=_read_into, args=(ready, stop, reader, pts), name="decoder", daemon=True).start()
    try:
        for expected in pts:
            try:
                item = ready.get(timeout=timeout_s)
            except queue.Empty:
                raise DecodingError(f"no frame came for {timeout_s:g} s at {_tell(info, expected)}") from None
            if isinstance(item, Exception):
                raise item
            if item is None or item[0] != expected:
                raise DecodingError(f"the frame at {_tell(info, expected)} cannot be decoded")
            yield item
    finally:
        stop.set()


def _read_into(
    ready: queue.Queue[Frame | Exception | None], stop: threading.Event, reader: VideoReader, pts: Sequence[int]
) -> None:
    """Decode until all is there, the caller stops, or something fails; then say so."""

    def put(item: Frame | Exception | None) -> None:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                return ready.put(item, timeout=POLL_S)
        raise _StoppedError

    with contextlib.suppress(_StoppedError), contextlib.closing(reader):
        try:
            for frame in reader.read(pts):
                put(frame)
            put(None)
        except _StoppedError:
            raise
        except Exception as error:
            put(error)


def _tell(info: VideoInfo, pts: int) -> str:
    return f"{float(pts * info.time_base):.3f} s of {info.name}"


class _StoppedError(Exception):
    """Nobody wants more frames."""


class VideoReader:
    """Decodes frames of one file; asked for what comes next, it goes on where it is instead of seeking.

    Segments of a video whose keyframes are far apart would otherwise each be decoded from the keyframe on. Not for
    several threads at once.

    Args:
        path: The file that the presentation times belong to.
        info: Its description.
        threads: Threads of the decoder; 0 takes as many as there are cores.
        keep: Frames that may be asked for again after later ones.
        stopped: Asked between frames; decoding ends once it says yes.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        threads: int = 0,
        keep: int = 0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path, self._info, self._threads, self._stopped = path, info, threads, stopped
        self._conversion = plan_conversion(info)
        self._open = contextlib.ExitStack()
        self._frames: Iterator[av.VideoFrame] | None = None
        self._at: int | None = None
        self._before: av.VideoFrame | None = None
        self._ahead: list[av.VideoFrame] = []
        self._recent: deque[Frame] = deque(maxlen=keep)

    def close(self) -> None:
        """Close the file."""
        self._frames = None
        self._open.close()

    def read(self, pts: Sequence[int]) -> Iterator[Frame]:
        """Decode frames.

        Args:
            pts: Presentation times, ascending.

        Yields:
            Presentation time and RGB frame, uint8 (height, width, 3).

        Raises:
            DecodingError: A frame is missing, damaged, or of another size than the video's.
            OSError: The machine failed.
            MemoryError: Memory ran out.
        """
        wanted = deque(pts)
        for frame in list(self._recent):
            if wanted and frame[0] == wanted[0]:
                wanted.popleft()
                yield frame
        try:
            if wanted:
                yield from self._decode(wanted)
        except Exception as error:
            self.close()
            raise self._blame(error) from error

    def _blame(self, error: Exception) -> Exception:
        """Return what the caller is to see: a failure of the machine as such, all else as the video's."""
        try:
            raise_machine_failure(error, self._path)
        except (OSError, MemoryError) as failure:
            return failure
        if isinstance(error, (DecodingError, _StoppedError)):
            return error
        return DecodingError(f"{self._info.name} cannot be decoded: {error}")

    def _decode(self, wanted: deque[int]) -> Iterator[Frame]:
        if self._frames is None or not self._can_go_on(wanted[0]):
            self._ahead, self._before = [], None
            self._frames = self._seek(wanted[0])
        ahead, self._ahead = self._ahead, []
        for frame in chain(ahead, self._frames):
            if frame.pts is None:
                continue
            while self._info.conceal and wanted and wanted[0] < frame.pts:
                yield self._keep(wanted.popleft(), self._before or frame)
            if not wanted:
                self._ahead = [frame]  # not shown yet
                return
            self._at, self._before = frame.pts, frame
            if frame.pts == wanted[0]:
                yield self._keep(wanted.popleft(), frame)
            if not wanted:
                return
            if frame.pts > wanted[0]:
                break
        while self._info.conceal and wanted and self._before is not None:
            yield self._keep(wanted.popleft(), self._before)
        if wanted:
            raise DecodingError(f"{self._info.name} cannot be decoded: no frame at {_tell(self._info, wanted[0])}")

    def _keep(self, pts: int, frame: av.VideoFrame) -> Frame:
        decoded = (pts, self._convert(frame))
        self._recent.append(decoded)
        return decoded

    def _can_go_on(self, first: int) -> bool:
        """Tell whether fewer frames lie between here and there than between the keyframe before it and there."""
        if self._at is None or self._at >= first:
            return False
        keys = self._info.keyframes
        number = bisect_right(keys, first)
        count = partial(bisect_left, self._info.pts)
        return number == 0 or count(first) - count(self._at) <= count(first) - count(keys[number - 1]) + SEEK_FRAMES

    def _reopen(self) -> tuple[InputContainer, VideoStream]:
        self._open.close()
        container = self._open.enter_context(open_media(self._path))
        stream = container.streams[self._info.frames_index]
        assert isinstance(stream, VideoStream)  # noqa: S101 - as when it was probed
        stream.thread_type = "AUTO"
        stream.thread_count = self._threads
        return container, stream

    def _convert(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        if frame.is_corrupt and not self._info.conceal:
            raise DecodingError(f"the frame at {_tell(self._info, frame.pts or 0)} is damaged")
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise DecodingError(f"the frame size changes to {frame.width}x{frame.height}")
        return self._conversion.to_rgb(frame)

    def _seek(self, first: int) -> Iterator[av.VideoFrame]:
        """Yield frames from some frame before the first wanted one, or from that one itself.

        A seek may land late (open groups of pictures, files without an index), so it is tried from ever earlier.
        """
        container, stream = self._reopen()
        start = self._info.pts[0]
        back, second = 0, int(1 / self._info.time_base)
        while first - back > start:
            container.seek(max(start, first - back), stream=stream)
            frames = _decode_all(container, stream, self._stopped)
            frame = next(frames, None)
            if frame is not None and frame.pts is not None and not frame.is_corrupt and frame.pts <= first:
                yield frame
                yield from frames
                return
            back = 2 * back or second
        if back:
            container, stream = self._reopen()  # where a seek to the start leads is not sure either
        yield from _decode_all(container, stream, self._stopped)


def _decode_all(container: InputContainer, stream: VideoStream, stopped: Callable[[], bool]) -> Iterator[av.VideoFrame]:
    """Decode on; a packet that cannot be decoded leaves a gap, which is noticed if it matters."""
    for packet in read_packets(container, [stream]):
        if stopped():
            raise _StoppedError
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
