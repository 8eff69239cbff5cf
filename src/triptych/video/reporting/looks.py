"""How the finished videos of a run look beside their sources: figures, pictures in full size, pictures for a sheet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triptych.parallel import count_cores
from triptych.storage.local_files import add_ending
from triptych.video.media.info import VideoRefusedError
from triptych.video.media.reader import DecodingError
from triptych.video.params import ReportParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.reporting.comparisons import Comparison, compare_frames
from triptych.video.reporting.pictures import SHEET_VIDEOS, save_png, shrink
from triptych.video.stylizing.motion import one_thread

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A video that was finished.

    Attributes:
        video: As planned.
        source: Where its frames were read from.
        target: The finished one.
    """

    video: PlannedVideo
    source: Path
    target: Path


def compare_all(finished: Sequence[Finished], pictures: Path, report: ReportParams) -> dict[str, Comparison]:
    """Compare videos with their sources, several at once, and save pairs of frames.

    Args:
        finished: The videos.
        pictures: Folder for the pictures in full size.
        report: How many frames.

    Returns:
        By name, figures, and frames as small as a contact sheet takes them, as far as one shows them; none of a video
        that cannot be read again.
    """
    workers = min(count_cores(), len(finished))
    # Threads: decoding, flow and PNG work outside Python, and a process would first import all that for seconds.
    shared = workers > 1
    with one_thread() if shared else nullcontext(), ThreadPoolExecutor(max(workers, 1)) as pool:
        compared = pool.map(
            lambda numbered: _compare(numbered[1], pictures, report, int(shared), numbered[0] < SHEET_VIDEOS),
            enumerate(finished),
        )
        found = [comparison for comparison in compared if comparison]
    return {comparison.name: comparison for comparison in found}


def _compare(item: Finished, pictures: Path, report: ReportParams, threads: int, on_sheet: bool) -> Comparison | None:
    try:
        compared = compare_frames(item.video, item.source, item.target, report, threads)
    except (DecodingError, VideoRefusedError) as error:  # the video is finished; only its pictures are missing
        _logger.warning("No pictures of %s: %s", item.video.name, error)
        return None
    for number, (before, after) in enumerate(zip(compared.before, compared.after, strict=True), start=1):
        path = pictures / compared.name
        path = path.with_name(add_ending(path.name, f"-{number}.png"))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path, np.concatenate([before, after], axis=1))
    if not on_sheet:
        return Comparison(compared.name, figures=compared.figures)
    befores, afters = [shrink(frame) for frame in compared.before], [shrink(frame) for frame in compared.after]
    return Comparison(compared.name, befores, afters, compared.figures)
