"""The report: a record of every video, flat metrics, pictures, and the quarantine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.errors import InputError
from triptych.storage import mirrors
from triptych.storage.folder import Folder
from triptych.storage.local_files import add_ending, link_or_copy
from triptych.video.params import ReportParams
from triptych.video.planning.plans import read_plan
from triptych.video.planning.segments import hash_settings
from triptych.video.planning.sources import list_handed_out
from triptych.video.reporting.looks import Finished, compare_all
from triptych.video.reporting.pictures import draw_contact_sheet
from triptych.video.restitching.finishing import FINISHED
from triptych.video.stylizing.store import write_json

COLUMNS = [
    "name",
    "frames_in",
    "frames_out",
    "max_pts_error_ms",
    "audio_identical",
    "warping_error",
    "warping_error_source",
    "seconds",
    "status",
    "reason",
    "file",
    "style",
    "runtime",
]


def write_report(
    sources: Path,
    normalised: Path,
    plan: dict[str, Any],
    finished: Path,
    results: list[dict[str, Any]],
    stylizing_report: dict[str, Any],
    records: Path,
    report: ReportParams,
) -> tuple[dict[str, float], pd.DataFrame, NDArray[np.uint8], Folder, Folder]:
    """Measure and record this run's videos, and report on all there are records of.

    Returns:
        Flat metrics, a row for every video, a contact sheet and pictures of this run's, and its quarantine.
    """
    planned = {video.name: video for video in read_plan(plan)}
    pictures = Folder.create("pictures")
    done = [
        Finished(video, video.frames_path(sources, normalised), finished / result["file"])
        for result in results
        if result["status"] == FINISHED and (video := planned.get(result["name"]))
    ]
    compared = compare_all(done, pictures.path, report)
    for result in results:
        record = dict(result) | {"runtime": stylizing_report["runtime"]}
        if (video := planned.get(result["name"])) is not None:
            record["style"] = video.blend.describe()
        record |= compared[result["name"]].figures if result["name"] in compared else {}
        write_json(records / f"{hash_settings({'name': result['name']})}.json", record)
    table = tabulate_records(records)
    sheet = draw_contact_sheet([(item.name, item.before, item.after) for item in compared.values()])
    quarantine = put_aside(sources, results)
    return summarize(table, stylizing_report, results), table, sheet, pictures, quarantine


def tabulate_records(records: Path) -> pd.DataFrame:
    """Read the records of all videos, also those of earlier runs.

    Returns:
        A row for every video, by name; what is not Unicode in it is a question mark.
    """
    mirrors.pull(records)
    read = (json.loads(path.read_text(encoding="utf-8")) for path in records.glob("*.json"))
    rows = [{column: _make_printable(value) for column, value in record.items()} for record in read]
    table = pd.DataFrame(rows, columns=COLUMNS if not rows else None).reindex(columns=COLUMNS)
    return table.sort_values("name", ignore_index=True)


def _make_printable(value: Any) -> Any:
    """Replace what a name in an encoding other than UTF-8 has become, and cannot be written."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def summarize(
    table: pd.DataFrame, stylizing_report: dict[str, Any], results: Sequence[dict[str, Any]]
) -> dict[str, float]:
    """Give the flat figures.

    Returns:
        `videos` (finished), `quarantined`, `frames`, over all records; of this run `new_videos`, `new_finished`,
        `frames_per_s` of rank 0, `segments`, `segments_done`, `segments_skipped`, `segments_failed`.
    """
    done = table[table["status"] == FINISHED]
    seconds = stylizing_report["seconds"]
    return {
        "videos": len(done),
        "quarantined": len(table) - len(done),
        "frames": int(done["frames_out"].sum()),
        "new_videos": len(results),
        "new_finished": sum(result["status"] == FINISHED for result in results),
        "frames_per_s": stylizing_report["frames"] / seconds if stylizing_report["frames"] else 0.0,
        "segments": stylizing_report["segments"],
        "segments_done": stylizing_report["done"],
        "segments_skipped": stylizing_report["skipped"],
        "segments_failed": stylizing_report["failed"],
    }


def judge_run(metrics: Mapping[str, float]) -> None:
    """Fail if there were new videos and none of them could be finished: more is wrong than a video.

    Args:
        metrics: From `summarize`.

    Raises:
        InputError: Says how many, and where the reasons are.
    """
    count = int(metrics["new_videos"])
    if count and not metrics["new_finished"]:
        raise InputError(
            f"none of the {count} new videos could be finished: the reasons are in the column reason of "
            "08_reporting/video/videos.csv, and beside each video in 08_reporting/video/quarantine. Everything is "
            "saved; once the cause is mended, try them again with video_retry (docs/how-to/stylize-videos.md)"
        )


def list_handled(sources: Path, results: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Give the fingerprints of the files that something has become of, finished or refused.

    Not of one that could not be fetched, which the next run tries again.
    """
    names = {result["name"] for result in results}
    return {name: fingerprint for name, fingerprint in list_handed_out(sources).items() if name in names}


def put_aside(sources: Path, results: Sequence[dict[str, Any]]) -> Folder:
    """Collect the videos that were not finished, each with a text that says why."""
    folder = Folder.create("quarantine")
    for result in results:
        if result["status"] == FINISHED:
            continue
        name = PurePosixPath(result["name"])
        source, target = sources / name, folder.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_file():
            link_or_copy(source, target)
        advice = advise_retry(result["name"]) if source.is_file() else "The next run tries it again."
        text = f"{result['reason']}\n\n{advice}\n"
        target.with_name(add_ending(target.name, ".reason.txt")).write_text(text, encoding="utf-8", errors="replace")
    return folder


def advise_retry(name: str) -> str:
    """Say how to try a video again that was put aside.

    The pattern has no characters that mean something to a shell, to YAML, to `--params` or in a pattern.
    """
    pattern = re.sub(r"[^a-zA-Z0-9_./ -]", "?", name)
    return (
        "It is tried again when the file changes. To try it again as it is, give the run this as well, within the "
        "same --params as its other ones, with a comma between:\n"
        f"--params 'video_retry=\"{pattern}\"'"
    )
