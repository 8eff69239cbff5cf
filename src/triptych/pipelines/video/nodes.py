"""The nodes of the video workload."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework
from numpy.typing import NDArray

from triptych.storage.blob_storage import LandedFile
from triptych.storage.folder import Folder
from triptych.video.params import (
    EncodingParams,
    PlanningParams,
    ReportParams,
    SmoothingParams,
    StyleParams,
)


def collect_videos(landing: dict[str, LandedFile]) -> Folder:
    """Bring the new videos to where every rank can read them.

    Args:
        landing: The files that are new in the landing folder, by name.

    Returns:
        A folder of them, with a list.
    """
    from triptych.video.planning.sources import collect

    folder = Folder.create("sources")
    collect(landing, folder.path)
    return folder


def plan_segments(
    sources: Path, style_model: Path, planning: PlanningParams, style: StyleParams, smoothing: SmoothingParams
) -> tuple[dict[str, Any], Folder]:
    """Check every video and divide it into segments by the timestamps of its frames.

    Returns:
        The plan, with what is refused and why, and those videos that had to be rewritten to be read exactly.
    """
    from triptych.video.planning.plans import plan_videos
    from triptych.video.planning.sources import list_sources

    normalised = Folder.create("normalised")
    names, failed = list_sources(sources)
    plan = plan_videos(sources, names, normalised.path, style_model, planning, style, smoothing)
    plan["refused"] += [{"name": name, "reason": f"it could not be fetched: {why}"} for name, why in failed.items()]
    return plan, normalised


@distributed_job(  # type: ignore[untyped-decorator]
    Framework.MPI, num_nodes="params:style.num_nodes", processes_per_node="params:style.processes_per_node"
)
def stylize_segments(
    sources: Path,
    normalised: Path,
    plan: dict[str, Any],
    style_model: Path,
    segments: Path,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
) -> dict[str, Any]:
    """Stylize the segments that are missing; all ranks of a distributed job share them.

    Args:
        sources: The videos.
        normalised: Those that had to be rewritten.
        plan: Their segments.
        style_model: The default style; others are looked for beside it.
        segments: Folder for the results that all ranks share, which survives the run.
        style: Style and runtime.
        smoothing: What is done against flicker.
        encoding: How the results are encoded.

    Returns:
        The runtime, the names of all segments, and what this rank did.
    """
    from triptych.video.stylizing.ranks import stylize_as_rank

    return stylize_as_rank(sources, normalised, plan, style_model, segments, style, smoothing, encoding)


def restitch_videos(
    sources: Path, plan: dict[str, Any], segments: Path, stylizing_report: dict[str, Any], encoding: EncodingParams
) -> tuple[Folder, list[dict[str, Any]]]:
    """Join the segments of each video with its sound and everything else it has, and check the result.

    Returns:
        The finished videos, and a result for each video of the plan.
    """
    from triptych.video.planning.plans import read_plan
    from triptych.video.restitching.finishing import finish_videos, refuse
    from triptych.video.stylizing.store import SegmentStore

    folder, keys, store = Folder.create("finished"), stylizing_report["keys"], SegmentStore(segments)
    results = finish_videos(read_plan(plan), keys, sources, store, folder.path, encoding)
    store.clean((key for each in keys.values() for key in each), encoding.keep_segments_days)
    return folder, results + [refuse(video["name"], video["reason"]) for video in plan["refused"]]


def report_videos(
    sources: Path,
    normalised: Path,
    plan: dict[str, Any],
    finished: Path,
    results: list[dict[str, Any]],
    stylizing_report: dict[str, Any],
    records: Path,
    report: ReportParams,
) -> tuple[dict[str, float], pd.DataFrame, NDArray[np.uint8], Folder, Folder, dict[str, str]]:
    """Report on the videos, and put aside those that could not be finished.

    Args:
        sources: The videos.
        normalised: Those that had to be rewritten.
        plan: Their properties.
        finished: The styled videos.
        results: What became of each.
        stylizing_report: Runtime and speed.
        records: Folder of the records of all videos, also of earlier runs.
        report: What is measured and shown.

    Returns:
        Flat metrics, a row for every video, a contact sheet, pictures before and after, the quarantine, and which
        files are done, with their fingerprints.
    """
    from triptych.video.reporting.reporting import list_handled, write_report

    outputs = write_report(sources, normalised, plan, finished, results, stylizing_report, records, report)
    return *outputs, list_handled(sources, results)


def check_outcome(metrics: dict[str, float]) -> None:
    """End the run as a failure if it had new videos and finished none, when all about them is saved.

    Args:
        metrics: What became of them.
    """
    from triptych.video.reporting.reporting import judge_run

    judge_run(metrics)
