"""Frames of a video before and after, and how much each flickers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.video.media.colours import chroma_of, tag_output
from triptych.video.media.decoding import read_frames
from triptych.video.media.files import open_media
from triptych.video.media.info import VideoInfo
from triptych.video.media.reader import DecodingError
from triptych.video.media.streams import choose_stream
from triptych.video.params import PlanningParams, ReportParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.probing import probe_video
from triptych.video.stylizing.motion import warping_errors

Frame = NDArray[np.uint8]
_ANY_SIZE = PlanningParams(max_pixels=2**62)
_SHARE = 4
_RUN_PAIRS = 6  # frames are decoded in runs of so many pairs: seven frames give six, where single pairs need twelve
_FAR = 30  # frames: to seek costs about as much as to decode so many


@dataclass
class Comparison:
    """What a video looks like before and after.

    Attributes:
        name: The video.
        before: Frames of the source.
        after: The same frames styled.
        figures: `warping_error` and that of the source.
    """

    name: str
    before: list[Frame] = field(default_factory=list)
    after: list[Frame] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def compare_frames(
    video: PlannedVideo, source: Path, target: Path, report: ReportParams, threads: int = 0
) -> Comparison:
    """Read some frames of source and result.

    Args:
        video: The video as planned.
        source: Where its frames were read from.
        target: The finished video.
        report: How many frames.
        threads: Of each decoder; 0 takes as many as there are cores.

    Raises:
        DecodingError: If frames cannot be read.
        VideoRefusedError: If the finished video is none.
    """
    try:
        return _compare(video, source, target, expect_result(video.info, target), report, threads)
    except DecodingError:  # a container may have written times otherwise; reading them all takes longer
        return _compare(video, source, target, probe_video(target, _ANY_SIZE, look_for_fields=False), report, threads)


def _compare(
    video: PlannedVideo, source: Path, target: Path, result: VideoInfo, report: ReportParams, threads: int
) -> Comparison:
    runs = choose_runs(video, limit_pairs(report.warping_pairs, video.info.frames))
    firsts = {number for run in runs for number in run[:-1]}
    shown = set(choose_shown(report.pictures, video.info.frames, runs))
    numbers = sorted(shown.union(*runs))
    befores = _read(source, video.info, numbers, _list_keyframes(video.info), threads)
    afters = _read(target, result, numbers, _list_segment_starts(video), threads)
    comparison, errors = Comparison(video.name), []
    last: tuple[int, Frame, Frame] | None = None
    for number, before, after in zip(numbers, befores, afters, strict=True):
        if last is not None and last[0] in firsts:
            errors.append(warping_errors((last[1], before), (last[1], before), (last[2], after)))
        if number in shown:
            comparison.before.append(before)
            comparison.after.append(after)
        last = number, before, after
    comparison.figures = _average([found for found in errors if found]) if runs else {}
    return comparison


def _average(errors: Sequence[Sequence[float]]) -> dict[str, float]:
    source, result = np.mean(errors, axis=0) if errors else (0.0, 0.0)
    return {"warping_error_source": float(source), "warping_error": float(result)}


def limit_pairs(pairs: int, frames: int) -> int:
    """Take a quarter of the frames of a short video at most, or one run, so that measuring it costs a part of it."""
    return min(pairs, max(frames // _SHARE, _RUN_PAIRS))


def choose_runs(video: PlannedVideo, pairs: int) -> list[range]:
    """Choose runs of consecutive frames, spread over a video, in which each frame and the next one are a pair.

    A run begins where decoding can begin, if that is near: at a segment, which the result has a keyframe at and the
    source usually too, else at a keyframe of the source.

    Args:
        video: The video as planned.
        pairs: How many pairs, of all runs together; all there are if they are fewer.

    Returns:
        The frames of each run, one more than its pairs.
    """
    frames = video.info.frames
    left = min(pairs, frames - 1)
    count = -(-left // _RUN_PAIRS)
    entries = [_list_segment_starts(video), _list_keyframes(video.info)]
    runs: list[range] = []
    for place in range(count):
        length = -(-left // (count - place))
        middle = (place + 0.5) * frames / count - length / 2
        first = _find_near(middle, entries, frames / count / 2)
        earliest = runs[-1][-1] if runs else 0
        first = max(earliest, min(first, frames - 1 - left))
        runs.append(range(first, first + length + 1))
        left -= length
    return runs


def choose_shown(count: int, length: int, runs: Sequence[range]) -> list[int]:
    """Choose frames to be shown: from each share of a video one that is read anyway, else the middle one."""
    read, middles = {number for run in runs for number in run}, spread(count, length)
    bounds = [-1.0, *((one + other) / 2 for one, other in pairwise(middles)), float(length)]
    shown = []
    for place, middle in enumerate(middles):
        near = [number for number in read if bounds[place] < number <= bounds[place + 1]]
        shown.append(min(near, key=lambda number: (abs(number - middle), number), default=middle))
    return shown


def spread(count: int, length: int) -> list[int]:
    """Choose positions evenly spread over a length, each in the middle of its share; all if they are fewer."""
    if length <= count:
        return list(range(length))
    return [int((number + 0.5) * length / count) for number in range(count)]


def expect_result(info: VideoInfo, target: Path) -> VideoInfo:
    """Describe a finished video without reading it: its frames have the times of the plan, in ticks of its container.

    Args:
        info: The source as planned.
        target: The finished video.

    Raises:
        VideoRefusedError: If it has no video.
    """
    with open_media(target) as container:
        stream = choose_stream(container, _ANY_SIZE)
        index, time_base = stream.index, Fraction(stream.time_base or Fraction(1, 1000))
        pixels, codec = stream.pix_fmt or chroma_of(info.width, info.height), stream.codec_context.name
    ratio = info.time_base / time_base
    pts = tuple(_round(at * ratio) for at in info.pts)
    timed = replace(info, codec=codec, frames_index=index, time_base=time_base, pts=pts)
    return replace(timed, colours=tag_output(info), pixel_format=pixels, conceal=False)


def _round(ticks: Fraction) -> int:
    """Round as muxers do, halves away from zero."""
    return int(abs(ticks) + Fraction(1, 2)) * (1 if ticks >= 0 else -1)


def _list_segment_starts(video: PlannedVideo) -> list[int]:
    lengths = [segment.frames for segment in video.segments]
    return [sum(lengths[:place]) for place in range(len(lengths))]


def _list_keyframes(info: VideoInfo) -> list[int]:
    return [bisect_left(info.pts, pts) for pts in info.keyframes]


def _find_near(place: float, entries: Sequence[Sequence[int]], reach: float) -> int:
    """Find the number nearest to a place in the first list that has one within reach, else the place itself."""
    for numbers in entries:
        near = min(numbers, key=lambda number: abs(number - place), default=None)
        if near is not None and abs(near - place) <= reach:
            return near
    return round(max(place, 0))


def _read(path: Path, info: VideoInfo, numbers: Sequence[int], entries: Sequence[int], threads: int) -> Iterator[Frame]:
    """Decode frames by their numbers; where decoding can begin anew far behind the last one, seek there."""
    stretches: list[list[int]] = []
    for number in numbers:
        entry = entries[bisect_right(entries, number) - 1] if entries else 0
        if stretches and entry - stretches[-1][-1] <= _FAR:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    for stretch in stretches:
        for _, frame in read_frames(path, info, [info.pts[number] for number in stretch], threads=threads):
            yield frame
