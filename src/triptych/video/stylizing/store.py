"""Styled segments on disk, each under a hash of all that it depends on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triptych.storage import mirrors
from triptych.storage.local_files import replace_file


class SegmentStore:
    """A folder of segments that several processes fill, on one machine or on many.

    A segment is there when its record is, and the record is written last. Where the folder stands for one in blob
    storage, records are asked for there, and what is written is put there.

    Args:
        folder: The folder; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def video_path(self, key: str) -> Path:
        """Where the segment's video is, or goes."""
        return self.folder / key[:2] / f"{key}.mp4"

    def fetch_video(self, key: str) -> Path:
        """Bring a finished segment's video to this machine, and say where it is."""
        mirrors.pull(self.video_path(key))
        return self.video_path(key)

    def forget_video(self, key: str) -> None:
        """Make room on this machine where the folder stands for one elsewhere."""
        mirrors.forget(self.video_path(key))

    def _record_path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _failure_path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.failed.json"

    def find(self, key: str) -> dict[str, Any] | None:
        """Read a finished segment's record; None if it is missing, or its video is not the one recorded."""
        record = _read(self._record_path(key))
        if record is None or mirrors.size_of(self.video_path(key)) != record.get("bytes"):
            return None
        return record

    def find_all(self, keys: Iterable[str]) -> set[str]:
        """Tell which segments are finished; of a remote folder by one listing, whatever their number."""
        there = mirrors.list_files(self.folder)
        done = {key for key in keys if self._record_path(key) in there and self.video_path(key) in there}
        return done if mirrors.is_mirrored(self.folder) else {key for key in done if self.find(key)}

    def clean(self, keep: Iterable[str], days: float) -> int:
        """Remove what is older than so many days, but for some segments; return the number of files."""
        kept, oldest = set(keep), time.time() - days * 86_400
        old = [
            path
            for path, listed in mirrors.list_files(self.folder).items()
            if listed.changed_s < oldest and path.name.partition(".")[0] not in kept
        ]
        for path in old:
            mirrors.drop(path)
        return len(old)

    def failure(self, key: str) -> str | None:
        """Say why the segment could not be made the last time it was tried; None if that never happened."""
        record = _read(self._failure_path(key))
        return None if record is None else str(record["reason"])

    @contextmanager
    def writing(self, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Give a name to write the video to and a record to fill; both are kept if the block ends without error."""
        video = self.video_path(key)
        record: dict[str, Any] = {}
        with replace_file(video) as part:
            yield part, record
            size = part.stat().st_size
        mirrors.push(video)
        mirrors.forget(video)
        write_json(self._record_path(key), record | {"bytes": size})
        if self._failure_path(key).is_file():
            mirrors.drop(self._failure_path(key))

    def note_failure(self, key: str, reason: str) -> None:
        """Note why a segment could not be made."""
        write_json(self._failure_path(key), {"reason": reason})


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file that appears only when complete, in blob storage too if its folder stands for one there."""
    mirrors.write(path, json.dumps(values))


def _read(path: Path) -> dict[str, Any] | None:
    mirrors.pull(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
