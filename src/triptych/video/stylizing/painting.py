"""Run the network over decoded frames: several batches at work at once, results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from triptych.video.media.planes import Planes
from triptych.video.params import SmoothingParams
from triptych.video.stylizing.reading import Decoded, Passed
from triptych.video.stylizing.smoothing import TemporalSmoother, see
from triptych.video.stylizing.work import Work

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

__all__ = ["Painting"]

_WAITING = 1  # batches that wait while every lane is at work, so that none ever stands still
Painted = tuple[Decoded, Planes]


@dataclass(frozen=True)
class _Batch:
    """Frames that go through the network at once."""

    items: list[Decoded]
    smoothers: list[TemporalSmoother]
    styled: Future[list[Planes]]
    keep_colours: bool

    def finish(self) -> Iterator[Painted]:
        """Wait for the network; give each frame with its picture."""
        for item, smoother, picture in zip(self.items, self.smoothers, self.styled.result(), strict=True):
            painted = smoother.after(item.frame, picture)
            if self.keep_colours:  # last, so that neither network nor smoothing has a say in them
                painted = (painted[0], *item.work.conversion.to_chroma(item.frame))
            yield item, painted


class Painting:
    """Stylizes the frames of many segments.

    As many batches are at work as the stylizer has lanes, and one waits; so the network does not wait for what is done
    to the frames before and after, and memory does not grow.

    Args:
        make_stylizer: Gives what stylizes the frames of a segment.
        smoothing: What is done against flicker.
        keep_colours: Whether only the luma of the pictures is taken, and the chroma of the frames.
    """

    def __init__(
        self, make_stylizer: Callable[[Work], Stylizer], smoothing: SmoothingParams, keep_colours: bool = False
    ) -> None:
        self._make, self._smoothing, self._keep_colours = make_stylizer, smoothing, keep_colours
        self._smoother = TemporalSmoother(smoothing)
        self._pool: ThreadPoolExecutor | None = None

    def paint(self, items: Iterator[Decoded | Passed]) -> Iterator[Painted | Passed]:
        """Stylize.

        Args:
            items: Frames of segments, one segment after the other, or that one is passed over.

        Yields:
            The same in the same order, each frame with its picture.
        """
        under_way: deque[_Batch | Passed] = deque()
        try:
            for batch in self._in_batches(items):
                most = 0
                if isinstance(batch, Passed):
                    under_way.append(batch)
                else:
                    stylizer = self._make_stylizer(batch[0].work)
                    most = stylizer.lanes + _WAITING
                    under_way.append(self._begin(stylizer, batch))
                while len(under_way) > most:
                    yield from _finish(under_way.popleft())
            while under_way:
                yield from _finish(under_way.popleft())
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def _make_stylizer(self, work: Work) -> Stylizer:
        return self._make(replace(work, conversion=see(work.conversion, self._smoothing)))

    def _begin(self, stylizer: Stylizer, items: list[Decoded]) -> _Batch:
        if self._pool is None:  # the lanes of a runtime are as many for all videos
            self._pool = ThreadPoolExecutor(stylizer.lanes, "stylizer")
        smoothers, seen = [], []
        for item in items:
            if not item.number:
                self._smoother = TemporalSmoother(self._smoothing, item.work.conversion.source.bits)
            smoothers.append(self._smoother)
            seen.append(self._smoother.before(item.frame))
        shares = np.array([item.shares for item in items], np.float32)
        return _Batch(items, smoothers, self._pool.submit(stylizer.stylize, seen, shares), self._keep_colours)

    def _in_batches(self, items: Iterator[Decoded | Passed]) -> Iterator[list[Decoded] | Passed]:
        """Group what is stylized at once, across segments and videos."""
        batch: list[Decoded] = []
        for item in items:
            if batch and (isinstance(item, Passed) or not item.work.looks_like(batch[0].work)):
                yield batch
                batch = []
            if isinstance(item, Passed):
                yield item
                continue
            batch.append(item)
            if len(batch) == self._make_stylizer(item.work).batch_size:
                yield batch
                batch = []
        if batch:
            yield batch


def _finish(item: _Batch | Passed) -> Iterator[Painted | Passed]:
    if isinstance(item, Passed):
        yield item
    else:
        yield from item.finish()
