"""Stylize segments: decode, network and encode overlap, and each finished segment is kept at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from triptych.video.media.decoding import ReadAhead, in_batches, read_frames
from triptych.video.media.encoding import SegmentWriter
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.segments import Segment, hash_settings
from triptych.video.stylizing.smoothing import TemporalSmoother
from triptych.video.stylizing.store import SegmentStore

if TYPE_CHECKING:
    from triptych.video.runtimes.stylizers import Stylizer

_logger = logging.getLogger(__name__)
_AHEAD = 8  # frames decoded before the network takes them
Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Work:
    """A segment to be stylized.

    Attributes:
        video: The video it is of.
        segment: Its frames.
        key: Hash of all it depends on.
    """

    video: PlannedVideo
    segment: Segment
    key: str

    @property
    def frames(self) -> int:
        """Count the frames the network sees."""
        return len(self.segment.pts) + len(self.segment.lead_pts)


def list_work(videos: Sequence[PlannedVideo], runtime: str, encoding: EncodingParams) -> list[Work]:
    """List the segments of all videos in order."""
    # What decides about bytes, and not about patience or the name of the file.
    encoder = {"crf": encoding.crf, "preset": encoding.preset}
    work = []
    for video in videos:
        for segment in video.segments:
            own = {"pts": list(segment.pts), "lead": len(segment.lead_pts)}
            key = hash_settings({"source": video.source_key, "runtime": runtime, "encoder": encoder, **own})
            work.append(Work(video, segment, key))
    return work


class SegmentStylizer:
    """Stylizes one segment after the other.

    Args:
        sources: Folder of the videos.
        normalised: Folder of those that were rewritten.
        store: Where the results go.
        make_stylizer: Gives what runs the network for a video.
        smoothing: What is done against flicker.
        encoding: How the results are encoded.
    """

    def __init__(
        self,
        sources: Path,
        normalised: Path,
        store: SegmentStore,
        make_stylizer: Callable[[PlannedVideo], Stylizer],
        smoothing: SmoothingParams,
        encoding: EncodingParams,
    ) -> None:
        self._sources, self._normalised = sources, normalised
        self._store = store
        self._make_stylizer = make_stylizer
        self._smoothing, self._encoding = smoothing, encoding

    def stylize(self, work: Work, progress: Callable[[int], object]) -> None:
        """Stylize a segment and put it into the store.

        Args:
            work: The segment.
            progress: Called with a number of frames whenever so many are done.
        """
        start = time.perf_counter()
        info, pts = work.video.info, (*work.segment.lead_pts, *work.segment.pts)
        stylizer = self._make_stylizer(work.video)
        path = work.video.frames_path(self._sources, self._normalised)
        lead = len(work.segment.lead_pts)
        with (
            self._store.writing(work.key) as (part, record),
            ReadAhead(read_frames(path, info, pts), _AHEAD) as frames,
            SegmentWriter(part, info, self._encoding) as writer,
        ):
            for number, frame in enumerate(self._run(stylizer, frames)):
                if number >= lead:
                    writer.write(frame)
                progress(1)
            record |= {
                "video": work.video.name,
                "index": work.segment.index,
                "pts": list(work.segment.pts),
                "frames": len(work.segment.pts),
                "seconds": time.perf_counter() - start,
            }

    def _run(self, stylizer: Stylizer, frames: Iterator[tuple[int, Frame]]) -> Iterator[Frame]:
        smoother = TemporalSmoother(self._smoothing) if self._smoothing.method != "none" else None
        for batch in in_batches(frames, stylizer.batch_size):
            plain = np.stack([frame for _, frame in batch])
            seen = np.stack([smoother.before(frame) for frame in plain]) if smoother else plain
            for source, styled in zip(plain, stylizer.stylize(seen), strict=True):
                yield smoother.after(source, styled) if smoother else styled


def stylize_share(
    share: Sequence[Work], store: SegmentStore, stylizer: SegmentStylizer, progress: Callable[[int], object]
) -> dict[str, Any]:
    """Stylize what is missing of this rank's share; a video that fails loses no other.

    Args:
        share: The segments of this rank.
        store: Where finished segments are.
        stylizer: Stylizes one.
        progress: Called with frames done or skipped.

    Returns:
        `done`, `skipped`, `failed`: segments; `frames`, `seconds` of the ones done.
    """
    counts = {"done": 0, "skipped": 0, "failed": 0, "frames": 0}
    start = time.perf_counter()
    broken: dict[str, str] = {}
    for work in share:
        if store.find(work.key) is not None:
            counts["skipped"] += 1
        elif work.video.name in broken:
            counts["failed"] += 1
            store.note_failure(work.key, broken[work.video.name])
        else:
            try:
                stylizer.stylize(work, progress)
                counts["done"] += 1
                counts["frames"] += work.segment.frames
                continue
            except (MemoryError, KeyboardInterrupt):
                raise
            except Exception as error:  # whatever a broken file makes a library raise
                broken[work.video.name] = f"{type(error).__name__}: {error}"
                counts["failed"] += 1
                store.note_failure(work.key, broken[work.video.name])
                _logger.warning("%s, segment %d: %s", work.video.name, work.segment.index, broken[work.video.name])
        progress(work.frames)
    return counts | {"seconds": time.perf_counter() - start}


def with_runtime(style: StyleParams, runtime: str) -> StyleParams:
    """Fix the runtime."""
    return style.replace(runtime=runtime)
