"""Stylize segments: decoder, network and encoder all stay busy, from one segment to the next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from triptych.video.media.encoding import SegmentWriter
from triptych.video.media.planes import Planes
from triptych.video.media.reader import DecodingError
from triptych.video.params import EncodingParams, SmoothingParams
from triptych.video.stylizing.painting import Painting
from triptych.video.stylizing.reading import Decoded, Passed, SegmentReader
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.work import Work

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

__all__ = ["SegmentStylizer"]

_CLOSING = 2  # segments whose encoders may still be at work while the next one begins


class SegmentStylizer:
    """Stylizes segments.

    Args:
        reader: Gives their frames.
        store: Where the results go.
        make_stylizer: Gives what stylizes the frames of a segment.
        smoothing: What is done against flicker.
        encoding: How the results are encoded.
        keep_colours: Whether frames keep the colours of the source.
    """

    def __init__(
        self,
        reader: SegmentReader,
        store: SegmentStore,
        make_stylizer: Callable[[Work], Stylizer],
        smoothing: SmoothingParams,
        encoding: EncodingParams,
        keep_colours: bool = False,
    ) -> None:
        self._reader, self._store = reader, store
        self._make_stylizer, self._keep_colours = make_stylizer, keep_colours
        self._smoothing, self._encoding = smoothing, encoding

    def stylize(self, works: Iterable[Work], progress: Callable[[int], object], ahead: int = 16) -> dict[str, Any]:
        """Stylize what is missing of some segments; a video that cannot be decoded loses no other.

        Args:
            works: The segments; each is taken when the decoder gets there.
            progress: Called with a number of frames whenever so many are done or passed over.
            ahead: Frames decoded before the network takes them.

        Returns:
            `done`, `skipped`, `failed`: segments; `frames`, `pixels`, `seconds` of the ones done.

        Raises:
            OSError: Or whatever else machine, network or encoder fail by: that is no video's fault, and ends the step.
        """
        start = time.perf_counter()
        with _Outputs(self._store, self._encoding) as outputs:
            painting = Painting(self._make_stylizer, self._smoothing, self._keep_colours)
            for item in painting.paint(self._reader.read(works, ahead)):
                if isinstance(item, Passed):
                    outputs.pass_over(item)
                    progress(item.work.frames)
                else:
                    outputs.write(*item)
                    progress(1)
        return {**outputs.counts, "seconds": time.perf_counter() - start}


class _Outputs:
    """The segment that is being written, and those whose encoders are coming to their end."""

    def __init__(self, store: SegmentStore, encoding: EncodingParams) -> None:
        self._store, self._encoding = store, encoding
        self._open: _Output | None = None
        self._pool = ThreadPoolExecutor(_CLOSING, "closing")
        self._closing: deque[Future[None]] = deque()
        self.counts = {"done": 0, "skipped": 0, "failed": 0, "frames": 0, "pixels": 0}

    def __enter__(self) -> _Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if self._open is not None:
                self._open.abort(error or RuntimeError("the segment is not complete"))
            if kind is None:
                self._wait(0)
        finally:
            self._pool.shutdown(wait=True)

    def write(self, item: Decoded, frame: Planes) -> None:
        """Write the next frame; lead frames are not kept."""
        segment = item.work.segment
        if self._open is None:
            self._open = _Output(self._store, item.work, self._encoding)
        if item.number >= len(segment.lead_pts):
            self._open.writer.write(frame)
        if item.number + 1 == item.work.frames:
            self._wait(_CLOSING - 1)
            self._closing.append(self._pool.submit(self._open.finish))
            self._open = None
            self._count(done=1, frames=segment.frames, pixels=item.work.pixels)

    def pass_over(self, item: Passed) -> None:
        """Note that a segment is there already, or cannot be made."""
        if not item.reason:
            self._count(skipped=1)
            return
        if self._open is not None and self._open.work is item.work:
            self._open.abort(DecodingError(item.reason))
            self._open = None
        self._count(failed=1)
        self._store.note_failure(item.work.key, item.reason)

    def _count(self, **more: int) -> None:
        for name, number in more.items():
            self.counts[name] += number

    def _wait(self, most: int) -> None:
        """Wait until no more than so many are coming to their end."""
        while len(self._closing) > most:
            self._closing.popleft().result()


class _Output:
    """A segment that is being written."""

    def __init__(self, store: SegmentStore, work: Work, encoding: EncodingParams) -> None:
        self.work, self._start = work, time.perf_counter()
        self._stack = ExitStack()
        part, self._record = self._stack.enter_context(store.writing(work.key))
        self.writer = self._stack.enter_context(SegmentWriter(part, work.video.info, encoding))

    def finish(self) -> None:
        """Wait for the encoder, and put the segment into the store."""
        segment = self.work.segment
        self._record |= {
            "video": self.work.video.name,
            "index": segment.index,
            "pts": list(segment.pts),
            "frames": segment.frames,
            "seconds": time.perf_counter() - self._start,
        }
        self._stack.close()

    def abort(self, error: BaseException) -> None:
        """Stop the encoder, and leave nothing behind."""
        self._stack.__exit__(type(error), error, error.__traceback__)
