"""Styled segments on disk, each under a hash of all that it depends on."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMAT = 1
"""Raise it when the same source, style and settings give other pixels: earlier segments are then made anew."""


def hash_settings(values: Mapping[str, Any]) -> str:
    """Hash plain values, whatever their order.

    Returns:
        40 hexadecimal digits.
    """
    text = json.dumps({"format": FORMAT, **values}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def hash_file(path: Path) -> str:
    """Hash a file's content (SHA-256, hexadecimal)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: Any) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


class SegmentStore:
    """A folder of segments that several processes fill, on one machine or on many.

    A segment is there when its record is, and the record is written last.

    Args:
        folder: The folder; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def video_path(self, key: str) -> Path:
        """Where the segment's video is."""
        return self.folder / key[:2] / f"{key}.mp4"

    def _record_path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _failure_path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.failed.json"

    def find(self, key: str) -> dict[str, Any] | None:
        """Read a finished segment's record; None if it is missing, or its video is not the one recorded."""
        record = _read(self._record_path(key))
        video = self.video_path(key)
        if record is None or not video.is_file() or video.stat().st_size != record.get("bytes"):
            return None
        return record

    def failure(self, key: str) -> str | None:
        """Say why the segment could not be made the last time it was tried; None if that never happened."""
        record = _read(self._failure_path(key))
        return None if record is None else str(record["reason"])

    @contextmanager
    def writing(self, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Give a name to write the video to and a record to fill; both are kept if the block ends without error."""
        video = self.video_path(key)
        video.parent.mkdir(parents=True, exist_ok=True)
        part = video.with_name(f".{key}.{uuid.uuid4().hex[:8]}.mp4")
        record: dict[str, Any] = {}
        try:
            yield part, record
            size = part.stat().st_size
            part.replace(video)
            write_json(self._record_path(key), record | {"bytes": size})
            self._failure_path(key).unlink(missing_ok=True)
        finally:
            part.unlink(missing_ok=True)

    def note_failure(self, key: str, reason: str) -> None:
        """Note why a segment could not be made."""
        write_json(self._failure_path(key), {"reason": reason})


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file that appears only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    part.write_text(json.dumps(values), encoding="utf-8")
    part.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
