"""Join the segments of each video, and check the result against its source."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import av

from triptych.storage.local_files import add_ending
from triptych.video.media.containers import choose_container
from triptych.video.media.conversion import warn_of_bits
from triptych.video.media.failures import raise_machine_failure
from triptych.video.media.info import VideoInfo, VideoRefusedError
from triptych.video.params import EncodingParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.restitching.joining import RestitchingError, restitch, target_name
from triptych.video.restitching.verification import compare_videos, is_exact
from triptych.video.stylizing.store import SegmentStore

_logger = logging.getLogger(__name__)
_TOLERANCE_MS = 1.0  # a tick of the coarsest container clock, that of Matroska
FINISHED = "finished"
QUARANTINED = "quarantined"


class MissingSegmentsError(RuntimeError):
    """Segments that were made are gone, or a rank did not make its own: no video's fault."""


def finished_name(name: str, info: VideoInfo, encoding: EncodingParams) -> str:
    """Name the result: as the source, with the container's ending behind it where that changes.

    `clip.avi` becomes `clip.avi.mkv`, so that it never takes the place of a `clip.mkv`.
    """
    if target_name(info, encoding) == info.name:
        return name
    container, _ = choose_container(info, encoding)
    return _add_ending(name, container.suffix)


def name_results(videos: Sequence[PlannedVideo], encoding: EncodingParams) -> dict[str, str]:
    """Name the results of several videos; where two would have one name, one gets its container's ending once more."""
    names = {video.name: finished_name(video.name, video.info, encoding) for video in videos}
    taken = {file for name, file in names.items() if file == name}
    for name, file in names.items():
        if file == name:
            continue
        while file in taken:
            file = _add_ending(file, PurePosixPath(file).suffix)
        names[name] = file
        taken.add(file)
    return names


def _add_ending(name: str, ending: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(add_ending(path.name, ending)))


def finish_videos(
    videos: Sequence[PlannedVideo],
    keys: Mapping[str, Sequence[str]],
    sources: Path,
    store: SegmentStore,
    target: Path,
    encoding: EncodingParams,
) -> list[dict[str, Any]]:
    """Finish every video; one that cannot be is put aside with its reason.

    Args:
        videos: The plan.
        keys: Of each video, the keys of its segments in order.
        sources: Folder of the originals.
        store: The segments.
        target: Folder for the results.
        encoding: Which container is wanted.

    Returns:
        A result a video: `name`, `status`, `reason`, `file` and what `compare_videos` measured.

    Raises:
        OSError: The machine failed, which is no video's fault.
        MissingSegmentsError: Segments are missing that nobody failed to make.
    """
    results, files = [], name_results(videos, encoding)
    for video in videos:
        start = time.perf_counter()
        try:
            result = _finish_video(video, files[video.name], keys[video.name], sources, store, target, encoding)
        except (VideoRefusedError, RestitchingError, av.FFmpegError) as error:  # one bad video never loses the others
            raise_machine_failure(error, sources / video.name)
            _logger.warning("%s could not be finished: %s", video.name, error)
            result = refuse(video.name, f"{type(error).__name__}: {error}") | {"frames_in": video.info.frames}
        for key in keys[video.name]:
            store.forget_video(key)
        seconds = sum((store.find(key) or {}).get("seconds", 0.0) for key in keys[video.name])
        results.append(result | {"seconds": seconds + time.perf_counter() - start})
    return results


def refuse(name: str, reason: str) -> dict[str, Any]:
    """Make the result of a video that is put aside."""
    return {"name": name, "status": QUARANTINED, "reason": reason, "file": "", "frames_in": 0, "frames_out": 0}


def _finish_video(
    video: PlannedVideo,
    file: str,
    keys: Sequence[str],
    sources: Path,
    store: SegmentStore,
    target: Path,
    encoding: EncodingParams,
) -> dict[str, Any]:
    if reason := _find_failure(video.name, keys, store):
        return refuse(video.name, reason) | {"frames_in": video.info.frames}
    path = target / PurePosixPath(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    source = sources / video.name
    restitch(source, video.info, [store.fetch_video(key) for key in keys], path, encoding)
    comparison = compare_videos(source, video.info, path)
    if not is_exact(comparison, _TOLERANCE_MS):
        path.unlink()
        return comparison | refuse(video.name, f"the result differs from its source: {comparison}")
    _, losses = choose_container(video.info, encoding)
    notes = [*video.info.warnings, *warn_of_bits(video.info, encoding), *losses]
    return {"name": video.name, "status": FINISHED, "reason": "; ".join(notes), "file": file, **comparison}


def _find_failure(name: str, keys: Sequence[str], store: SegmentStore) -> str:
    """Return why a segment could not be made, if one could not."""
    missing = [number for number, key in enumerate(keys) if store.find(key) is None]
    failures = [reason for number in missing if (reason := store.failure(keys[number]))]
    if missing and not failures:
        raise MissingSegmentsError(
            f"{name}: {len(missing)} of {len(keys)} segments are missing in {store.folder}: run video.stylize_segments "
            "again (--from-nodes video.stylize_segments), which makes those only"
        )
    return failures[0] if failures else ""
