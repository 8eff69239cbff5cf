"""Remove what jobs have left: their folders, what people uploaded for them, what was staged or put aside.

What a job that waits or runs may need is never touched, nor anything that this package has not named itself: beside the
folder of jobs may lie folders of others. Records of jobs stay, so that keys are remembered.
"""

from __future__ import annotations

import logging
import math
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from triptych.jobs.settings import JobSettings
from triptych.jobs.store import JobStore

__all__ = ["clean"]

_logger = logging.getLogger(__name__)
_DAY_S = 86_400.0
_YOUNGEST_S = 3_600.0  # what was just made may not have its job yet, and results want to be fetched
_JOB = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_GIVEN = re.compile(r"(?:landed-)?[0-9a-f]{32}")
_MODEL = re.compile(r"[\w.-]+-version-\d+-[0-9a-f]{8}")
_REASON = ".reason.txt"


@dataclass(frozen=True)
class _Kept:
    """Something that is kept.

    Attributes:
        paths: What it consists of.
        since_s: When it was used last, in seconds since 1970; infinite while it is in use.
    """

    paths: tuple[Path, ...]
    since_s: float


def clean(settings: JobSettings, store: JobStore, is_dry: bool = False) -> list[Path]:
    """Remove what is older than `keep_days`, and then the oldest of what is more than `max_kept_mb`.

    Args:
        settings: What is kept, and where.
        store: The jobs.
        is_dry: Only tell what would go.

    Returns:
        What was removed.
    """
    now_s = time.time()
    kept = sorted(_list_kept(settings, store), key=lambda item: item.since_s)
    removable = [item for item in kept if now_s - item.since_s > _YOUNGEST_S]
    old = [item for item in removable if settings.keep_days and now_s - item.since_s > settings.keep_days * _DAY_S]
    if settings.max_kept_mb:
        sizes = [_measure(item) for item in kept[len(old) :]]  # the oldest come first, in all three lists
        excess = sum(sizes) - settings.max_kept_mb * 1e6
        for item, size in zip(removable[len(old) :], sizes, strict=False):
            if excess <= 0:
                break
            old.append(item)
            excess -= size
    gone = [path for item in old for path in item.paths]
    if not is_dry:
        for path in gone:
            _remove(path)
        if gone:
            _logger.info("%d folders and files of jobs that have ended are removed", len(gone))
    return gone


def _list_kept(settings: JobSettings, store: JobStore) -> Iterator[_Kept]:
    used = _read_uses(store)
    for folder, names in (
        (settings.folder, _JOB),
        (settings.folder / "intake", _GIVEN),
        (settings.folder / "models", _MODEL),
        (settings.uploads, _GIVEN),
    ):
        for path in _list_folder(folder):
            if names.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                yield _Kept((path,), used.get(path.name, 0.0) or path.stat().st_mtime)
    for path in (settings.folder / "quarantine").rglob(f"*{_REASON}"):
        yield _Kept((path.with_name(path.name.removesuffix(_REASON)), path), path.stat().st_mtime)


def _read_uses(store: JobStore) -> dict[str, float]:
    """Tell when each folder was used last, by its name: that of a job, or one in what a job was given."""
    used: dict[str, float] = {}
    for job in store.list(most=2**31):
        until_s = (job.ended_s or job.created_s) if job.has_ended else math.inf
        for name in (job.id, *_GIVEN.findall(job.parameters), *_MODEL.findall(job.parameters)):
            used[name] = max(used.get(name, 0.0), until_s)
    return used


def _list_folder(folder: Path) -> Iterable[Path]:
    return list(folder.iterdir()) if folder.is_dir() else ()


def _measure(item: _Kept) -> int:
    """Add up the sizes of all files, in bytes."""
    return sum(_sizes(item.paths))


def _sizes(paths: Iterable[Path]) -> Iterator[int]:
    for path in paths:
        files = [path] if not path.is_dir() else (Path(at) / name for at, _, names in os.walk(path) for name in names)
        for file in files:
            with suppress(OSError):  # it has just gone
                yield file.lstat().st_size


def _remove(path: Path) -> None:
    """Remove a file or folder; what cannot go now does so another time."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("%s cannot be removed: %s", ascii(str(path)), error)
