"""Decode exactly the frames asked for, wherever they begin."""

from __future__ import annotations

import contextlib
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from triptych.video.media.conversion import plan_conversion
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.files import open_media, read_packets
from triptych.video.media.info import VideoInfo
from triptych.video.media.planes import Planes, extract_planes

__all__ = ["DecodingError", "StoppedError", "VideoReader", "tell"]

Frame = tuple[int, Planes]
SEEK_FRAMES = 8  # decoding as many costs about what a seek does


class DecodingError(RuntimeError):
    """Frames of the plan could not be decoded."""


class StoppedError(Exception):
    """Nobody wants more frames."""


def tell(info: VideoInfo, pts: int) -> str:
    """Say where in which video a frame is, for people."""
    return f"{float(pts * info.time_base):.3f} s of {info.name}"


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
        self._layout = plan_conversion(info).source
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
            Presentation time and planes, as the layout that `plan_conversion` names as the source's has them.

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
        if isinstance(error, (DecodingError, StoppedError)):
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
            raise DecodingError(f"{self._info.name} cannot be decoded: no frame at {tell(self._info, wanted[0])}")

    def _keep(self, pts: int, frame: av.VideoFrame) -> Frame:
        decoded = (pts, self._extract(frame))
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

    def _extract(self, frame: av.VideoFrame) -> Planes:
        if frame.is_corrupt and not self._info.conceal:
            raise DecodingError(f"the frame at {tell(self._info, frame.pts or 0)} is damaged")
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise DecodingError(f"the frame size changes to {frame.width}x{frame.height}")
        return extract_planes(frame, self._layout)

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
            raise StoppedError
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
