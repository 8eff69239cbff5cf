"""Decode the frames of one segment after the other, ahead of the network."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from triptych.parallel import ReadAhead
from triptych.video.media.codecs import find_size_fault
from triptych.video.media.planes import Planes
from triptych.video.media.reader import DecodingError, VideoReader
from triptych.video.params import EncodingParams
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.work import Work

__all__ = ["Decoded", "Passed", "SegmentReader"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """A frame of a segment.

    Attributes:
        work: The segment.
        number: Position of the frame among those the segment is made from, lead frames included.
        frame: Its planes, as the source's layout has them.
    """

    work: Work
    number: int
    frame: Planes

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each style in it."""
        segment = self.work.segment
        ahead = len(segment.lead_pts)
        pts = segment.lead_pts[self.number] if self.number < ahead else segment.pts[self.number - ahead]
        return self.work.video.blend.weigh(self.work.video.info, pts)


@dataclass(frozen=True)
class Passed:
    """A segment that gives no more frames.

    Attributes:
        work: The segment.
        reason: Why its video cannot be decoded, or its result encoded; empty where the segment is there already.
    """

    work: Work
    reason: str


class SegmentReader:
    """Decodes what is missing; a video that cannot be decoded, or whose decoder hangs, loses no other.

    Args:
        sources: Folder of the videos.
        normalised: Folder of those that were rewritten.
        store: What is there already.
        encoding: How the results are encoded; what encodes is chosen.
        patience_s: How long a frame may take to be decoded before its video is given up; what the storage takes to
            say what is to be done does not count.
    """

    def __init__(
        self,
        sources: Path,
        normalised: Path,
        store: SegmentStore,
        encoding: EncodingParams,
        patience_s: float = 120.0,
    ) -> None:
        self._sources, self._normalised, self._store = sources, normalised, store
        self._encoding, self._patience_s = encoding, patience_s
        self._broken: dict[str, str] = {}
        self._current: Work | None = None
        self._since = 0.0

    def read(self, works: Iterable[Work], ahead: int) -> Iterator[Decoded | Passed]:
        """Decode in a thread of its own.

        Args:
            works: The segments; each is taken when the decoder gets there.
            ahead: Frames decoded before they are taken.

        Yields:
            The frames of each segment in order, or that it is passed over.

        Raises:
            OSError: The machine failed, which is no video's fault.
            MemoryError: Memory ran out.
        """
        left = iter(works)
        while True:
            try:
                with ReadAhead(self._read(left), ahead, self._patience_s, self._is_in_time) as items:
                    yield from items
                return
            except TimeoutError:  # noqa: PERF203 - a video a time
                if self._current is None:
                    raise
                yield self._give_up(self._current, f"no frame came for {self._patience_s:g} s")

    def _is_in_time(self) -> bool:
        return self._current is None or time.monotonic() - self._since < self._patience_s

    def _read(self, works: Iterator[Work]) -> Iterator[Decoded | Passed]:
        reader, name = None, ""
        with contextlib.ExitStack() as opened:
            for work in works:
                if (passed := self._pass_over(work)) is not None:
                    yield passed
                    continue
                if reader is None or name != work.video.name:
                    opened.close()
                    reader, name = opened.enter_context(contextlib.closing(self._open(work))), work.video.name
                self._current, self._since = work, time.monotonic()
                try:
                    pts = (*work.segment.lead_pts, *work.segment.pts)
                    for number, (_, frame) in enumerate(reader.read(pts)):
                        yield Decoded(work, number, frame)
                        self._since = time.monotonic()
                except DecodingError as error:
                    yield self._give_up(work, str(error))
                self._current = None

    def _pass_over(self, work: Work) -> Passed | None:
        if self._store.find(work.key) is not None:
            return Passed(work, "")
        reason = self._broken.get(work.video.name) or find_size_fault(work.conversion.target, self._encoding)
        return Passed(work, reason) if reason else None

    def _open(self, work: Work) -> VideoReader:
        path = work.video.frames_path(self._sources, self._normalised)
        return VideoReader(path, work.video.info, keep=len(work.video.segments[-1].lead_pts))

    def _give_up(self, work: Work, reason: str) -> Passed:
        self._broken[work.video.name] = f"DecodingError: {reason}"
        _logger.warning("%s, segment %d: %s", work.video.name, work.segment.index, reason)
        return Passed(work, self._broken[work.video.name])
