"""The videos of a run, in one folder with a list of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from triptych.storage.blob_storage import LandedFile

_logger = logging.getLogger(__name__)
LIST = "videos.json"


def collect(landing: Mapping[str, LandedFile], folder: Path) -> None:
    """Bring videos into a folder.

    Args:
        landing: The files by name.
        folder: Where to; the list also says of which content the files are, and which could not be had: those that
            are gone or may not be read.

    Raises:
        OSError: Another failure, which says nothing of the file.
    """
    fetched = {name: _fetch(file, folder / PurePosixPath(name)) for name, file in landing.items()}
    failed = {name: reason for name, reason in fetched.items() if reason}
    if not landing:
        _logger.warning("No new video. Those that are finished are not done again; see docs/how-to/stylize-videos.md")
    names = sorted(set(landing) - set(failed))
    fingerprints = {name: landing[name].fingerprint for name in names}
    listed = {"videos": names, "failed": failed, "fingerprints": fingerprints}
    (folder / LIST).write_text(json.dumps(listed, indent=1), encoding="utf-8")


def list_sources(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Name the videos in a folder, and say which could not be had and why."""
    listed = _read_list(folder)
    return listed["videos"], listed["failed"]


def list_handed_out(folder: Path) -> dict[str, str]:
    """Give the fingerprints that the videos in a folder had in the landing folder; not of those that failed."""
    fingerprints: dict[str, str] = _read_list(folder).get("fingerprints", {})  # missing from lists of earlier versions
    return fingerprints


def _read_list(folder: Path) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads((folder / LIST).read_text(encoding="utf-8"))
    return listed


def _fetch(file: LandedFile, target: Path) -> str:
    try:
        file.fetch(target)
    except (FileNotFoundError, PermissionError) as error:  # anything else, as a full disk, is not the file's fault
        if str(target.parent) in str(error.filename or ""):
            raise
        _logger.warning("%s could not be fetched: %s", file.name, error)
        return str(error) or type(error).__name__
    return ""
