"""Recent runs and their pictures: of MLflow, and of the folder of reports."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
"""Pictures that are shown, by their ending; SVG may hold scripts."""
_MOST_METRICS = 12
_MOST_PICTURES = 12
_MOST_FOLDERS = 20
_MOST_BYTES = 30_000_000


@dataclass(frozen=True)
class Run:
    """A run of MLflow's.

    Attributes:
        id: Its name there.
        name: For people.
        experiment: That it belongs to.
        status: Such as FINISHED.
        started: When, in UTC.
        seconds: How long it took; None if it is not over.
        metrics: Some of its metrics.
        more: How many it has besides.
    """

    id: str
    name: str
    experiment: str
    status: str
    started: datetime
    seconds: float | None
    metrics: dict[str, float]
    more: int


def list_runs(uri: str, most: int) -> list[Run]:
    """List the last runs of all experiments, the newest first.

    Args:
        uri: Of MLflow's tracking.
        most: How many.
    """
    client = _make_client(uri)
    names = {found.experiment_id: found.name for found in client.search_experiments(max_results=1000)}
    if not names or not most:
        return []
    found = client.search_runs(list(names), order_by=["attributes.start_time DESC"], max_results=most)
    return [_read_run(run, names[run.info.experiment_id]) for run in found]


def list_artifacts(uri: str, run: str) -> list[str]:
    """List pictures that a run has logged, at the top and in the folders there."""
    return list(islice(_find_artifacts(_make_client(uri), run), _MOST_PICTURES))


def read_artifact(uri: str, run: str, path: str) -> bytes | None:
    """Read a picture that a run has logged; None if there is none of that name, or if it is very large."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or parts.suffix.lower() not in MEDIA_TYPES:
        return None
    with tempfile.TemporaryDirectory(prefix="triptych-page-") as folder:
        try:
            file = Path(download_artifacts(run_id=run, artifact_path=path, dst_path=folder, tracking_uri=uri))
        except (MlflowException, OSError):
            return None
        return file.read_bytes() if file.is_file() and file.stat().st_size <= _MOST_BYTES else None


def list_reports(folder: Path | None) -> list[tuple[str, datetime]]:
    """List the pictures among the reports, by their names with `/`, with their times; the newest first."""
    if folder is None or not folder.is_dir():
        return []
    files = [path for path in folder.rglob("*") if path.suffix.lower() in MEDIA_TYPES and _is_inside(path, folder)]
    times = {path: path.stat().st_mtime for path in files}
    newest = sorted(files, key=lambda path: (-times[path], path))[:_MOST_PICTURES]
    return [(path.relative_to(folder).as_posix(), _to_time(times[path] * 1000)) for path in newest]


def find_report(folder: Path | None, name: str) -> Path | None:
    """Find a picture among the reports."""
    path = folder / name if folder else None
    if folder is None or path is None or path.suffix.lower() not in MEDIA_TYPES or not _is_inside(path, folder):
        return None
    return path


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except OSError:  # a name longer than any file's
        return False


def _find_artifacts(client: Any, run: str) -> Iterator[str]:
    found = client.list_artifacts(run)
    yield from (item.path for item in found if _is_picture(item))
    for folder in [item.path for item in found if item.is_dir][:_MOST_FOLDERS]:
        yield from (item.path for item in client.list_artifacts(run, folder) if _is_picture(item))


def _is_picture(item: Any) -> bool:
    return not item.is_dir and PurePosixPath(item.path).suffix.lower() in MEDIA_TYPES


def _read_run(run: Any, experiment: str) -> Run:
    info, metrics = run.info, dict(sorted(run.data.metrics.items()))
    shown = dict(islice(metrics.items(), _MOST_METRICS))
    seconds = (info.end_time - info.start_time) / 1000 if info.end_time else None
    return Run(
        *(info.run_id, info.run_name or info.run_id[:8], experiment, info.status, _to_time(info.start_time)),
        seconds=seconds,
        metrics=shown,
        more=len(metrics) - len(shown),
    )


def _to_time(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _make_client(uri: str) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=uri)
