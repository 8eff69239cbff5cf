"""Clips planned, and a network that gives back what it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.video.clips import run
from tests.video.trips import FAST
from triptych.video.media.planes import Planes
from triptych.video.params import EncodingParams, PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import PlannedVideo, plan_videos, read_plan
from triptych.video.stylizing.reading import SegmentReader
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.stylizing import SegmentStylizer
from triptych.video.stylizing.work import Work, list_work

STYLE = Path(__file__).parents[3] / "data/06_models/video"
ENGINE = {"runtime": "identity"}


class Identity:
    """Gives frames back, and remembers how many it was given at a time."""

    def __init__(self, batch_size: int = 1, fail_at: int = -1, error: Exception | None = None) -> None:
        self.batch_size, self.lanes, self.batches = batch_size, 1, list[int]()
        self._fail_at, self._error = fail_at, error

    def stylize(self, frames: Sequence[Planes], _shares: Any = None) -> list[Planes]:
        self.batches.append(len(frames))
        if self._error is not None and len(self.batches) > self._fail_at:
            raise self._error
        return [frame if frame[0].dtype == np.uint8 else self._show(frame) for frame in frames]

    def _show(self, averaged: Planes) -> Planes:
        """Give 8 of the 12 bits that a network sees of averaged frames."""
        y, u, v = ((plane >> 4).astype(np.uint8) for plane in averaged)
        return y, u, v


def write_clip(path: Path, frames: int = 30, size: str = "64x48", *options: str) -> Path:
    """Write a moving picture; options go to the encoder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=size={size}:rate=30:duration={frames / 30},gblur=sigma=2"
    run("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options, path)
    return path


def plan(
    folder: Path, style_model: Path, smoothing: SmoothingParams | None = None, **planning: Any
) -> list[PlannedVideo]:
    """Plan all clips in a folder."""
    names = sorted(path.name for path in folder.iterdir())
    settings = PlanningParams(**planning)
    style = StyleParams()
    planned = plan_videos(
        folder, names, folder, style_model, settings, style, smoothing or SmoothingParams(method="none")
    )
    assert not planned["refused"]
    return read_plan(planned)


def list_all(videos: Sequence[PlannedVideo], encoding: EncodingParams = FAST) -> list[Work]:
    return list_work(videos, ENGINE, encoding)


def make_stylizer(
    folder: Path,
    store: SegmentStore,
    network: Any,
    smoothing: SmoothingParams | None = None,
    patience_s: float = 60,
    encoding: EncodingParams = FAST,
) -> SegmentStylizer:
    make: Callable[[Work], Any] = lambda _: network  # noqa: E731
    reader = SegmentReader(folder, folder, store, encoding, patience_s)
    return SegmentStylizer(reader, store, make, smoothing or SmoothingParams(method="none"), encoding)
