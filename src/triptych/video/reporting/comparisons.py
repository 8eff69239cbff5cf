"""Frames of a video before and after, and how much each flickers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.video.media.decoding import read_frames
from triptych.video.params import PlanningParams, ReportParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.probing import probe_video
from triptych.video.stylizing.motion import warping_error

Frame = NDArray[np.uint8]
Pair = tuple[Frame, Frame]


@dataclass(frozen=True)
class Comparison:
    """What a video looks like before and after.

    Attributes:
        name: The video.
        before: Frames of the source.
        after: The same frames styled.
        figures: `warping_error` and that of the source.
    """

    name: str
    before: list[Frame]
    after: list[Frame]
    figures: dict[str, float]


def compare_frames(video: PlannedVideo, source: Path, target: Path, report: ReportParams) -> Comparison:
    """Read some frames of source and result.

    Args:
        video: The video as planned.
        source: Where its frames were read from.
        target: The finished video.
        report: How many frames.
    """
    frames = video.info.frames
    shown = spread(report.pictures, frames)
    neighbours = [number for first in spread(report.warping_pairs, frames - 1) for number in (first, first + 1)]
    pairs = dict(_read_pairs(video, source, target, sorted({*shown, *neighbours})))
    figures = {}
    if neighbours:
        errors = [_flicker(pairs, first) for first in neighbours[::2]]
        figures = {
            "warping_error_source": float(np.mean([before for before, _ in errors])),
            "warping_error": float(np.mean([after for _, after in errors])),
        }
    before, after = ([pairs[number][side] for number in shown] for side in (0, 1))
    return Comparison(video.name, before, after, figures)


def spread(count: int, length: int) -> list[int]:
    """Choose positions evenly spread over a length, each in the middle of its share; all if they are fewer."""
    if length <= count:
        return list(range(length))
    return [int((number + 0.5) * length / count) for number in range(count)]


def _flicker(pairs: dict[int, Pair], first: int) -> tuple[float, float]:
    befores = [pairs[number][0] for number in (first, first + 1)]
    afters = [pairs[number][1] for number in (first, first + 1)]
    return warping_error(befores, befores), warping_error(befores, afters)


def _read_pairs(video: PlannedVideo, source: Path, target: Path, numbers: Sequence[int]) -> Iterator[tuple[int, Pair]]:
    result = probe_video(target, PlanningParams(max_pixels=2**62))
    # Each run of neighbours by itself: what lies between is passed over, not decoded.
    for run in _find_runs(numbers):
        befores = read_frames(source, video.info, [video.info.pts[number] for number in run])
        afters = read_frames(target, result, [result.pts[number] for number in run])
        for number, (_, before), (_, after) in zip(run, befores, afters, strict=True):
            yield number, (before, after)


def _find_runs(numbers: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
