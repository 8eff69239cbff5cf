"""Decode exactly the frames asked for, in a thread that works ahead."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from triptych.video.media.colours import ColourConversion, plan_conversion
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoInfo

__all__ = ["DecodingError", "read_frames"]

Frame = tuple[int, NDArray[np.uint8]]
PREFETCHED = 4
POLL_S = 0.1


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
    work = _Decoding(path, info, list(pts), threads, ready, stop)
    threading.Thread(target=work.run, name="decoder", daemon=True).start()
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


def _tell(info: VideoInfo, pts: int) -> str:
    return f"{float(pts * info.time_base):.3f} s of {info.name}"


class _StoppedError(Exception):
    """Nobody wants more frames."""


class _Decoding:
    """The work of the thread."""

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        pts: list[int],
        threads: int,
        ready: queue.Queue[Frame | Exception | None],
        stop: threading.Event,
    ) -> None:
        self._path, self._info, self._pts, self._threads = path, info, pts, threads
        self._ready, self._stop = ready, stop

    def run(self) -> None:
        """Decode until all is there, the caller stops, or something fails; then say so."""
        try:
            self._decode()
            self._put(None)
        except _StoppedError:
            pass
        except Exception as error:
            with contextlib.suppress(_StoppedError):
                self._put(self._blame(error))

    def _blame(self, error: Exception) -> Exception:
        """Return what the caller is to see: a failure of the machine as such, all else as the video's."""
        try:
            raise_machine_failure(error, self._path)
        except (OSError, MemoryError) as failure:
            return failure
        if isinstance(error, DecodingError):
            return error
        return DecodingError(f"{self._info.name} cannot be decoded: {error}")

    def _put(self, item: Frame | Exception | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                return self._ready.put(item, timeout=POLL_S)
        raise _StoppedError

    def _decode(self) -> None:
        conversion = plan_conversion(self._info)
        with open_media(self._path) as container:
            stream = container.streams[self._info.frames_index]
            assert isinstance(stream, VideoStream)  # noqa: S101 - as when it was probed
            stream.thread_type = "AUTO"
            stream.thread_count = self._threads
            choose = self._conceal if self._info.conceal else self._choose
            for pts, frame in choose(self._seek(container, stream)):
                self._put((pts, self._convert(conversion, frame)))

    def _choose(self, frames: Iterator[av.VideoFrame]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames that are wanted; one that is missing is noticed by who takes them."""
        wanted, last = set(self._pts), self._pts[-1]
        for frame in frames:
            if frame.pts is None:
                continue
            if frame.pts in wanted:
                wanted.discard(frame.pts)
                yield frame.pts, frame
            if frame.pts >= last:
                return

    def _conceal(self, frames: Iterator[av.VideoFrame]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield a frame for every time that is wanted: where it is missing the one before, else the one behind."""
        waiting, before = deque(self._pts), None
        for frame in frames:
            if frame.pts is None:
                continue
            while waiting and waiting[0] < frame.pts:
                yield waiting.popleft(), frame if before is None else before
            if waiting and waiting[0] == frame.pts:
                yield waiting.popleft(), frame
            if not waiting:
                return
            before = frame
        if before is not None:
            yield from ((pts, before) for pts in waiting)

    def _convert(self, conversion: ColourConversion, frame: av.VideoFrame) -> NDArray[np.uint8]:
        if frame.is_corrupt and not self._info.conceal:
            raise DecodingError(f"the frame at {_tell(self._info, frame.pts or 0)} is damaged")
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise DecodingError(f"the frame size changes to {frame.width}x{frame.height}")
        return conversion.to_rgb(frame)

    def _seek(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Yield frames from some frame before the first wanted one, or from that one itself.

        A seek may land late (open groups of pictures, files without an index), so it is tried from ever earlier.
        """
        first, start = self._pts[0], self._info.pts[0]
        back, second = 0, int(1 / self._info.time_base)
        while first - back > start:
            container.seek(max(start, first - back), stream=stream)
            frames = _decode_all(container, stream, self._stop)
            frame = next(frames, None)
            if frame is not None and frame.pts is not None and not frame.is_corrupt and frame.pts <= first:
                yield frame
                yield from frames
                return
            back = 2 * back or second
        container.seek(min(0, start), stream=stream)
        yield from _decode_all(container, stream, self._stop)


def _decode_all(container: InputContainer, stream: VideoStream, stop: threading.Event) -> Iterator[av.VideoFrame]:
    """Decode on; a packet that cannot be decoded leaves a gap, which is noticed if it matters."""
    for packet in read_packets(container, [stream]):
        if stop.is_set():
            raise _StoppedError
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


Item = TypeVar("Item")
_END = object()


class ReadAhead(Generic[Item]):
    """Read from an iterator in a thread, a few items ahead, so that reading overlaps with what is done to them.

    Use it as a context manager; leaving it ends the thread, wherever the reader is.

    Args:
        items: Read from the thread; its errors are raised where the items are taken.
        ahead: Items kept at most.
    """

    def __init__(self, items: Iterable[Item], ahead: int) -> None:
        self._items = items
        self._queue: queue.Queue[object] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._take()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(30)

    def _read(self) -> None:
        try:
            iterator = iter(self._items)
            for item in iterator:
                if not self._put(item):
                    close = getattr(iterator, "close", None)
                    if close:
                        close()
                    return
        except BaseException as error:
            self._error = error
        self._put(_END)

    def _put(self, item: object) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=0.1)
                return True
        return False

    def _take(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Group items, the last group being what is left."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
