"""Local folders that stand for folders in blob storage, so that work survives the machine it was done on.

Code that keeps something for later works in a local folder and says when a file is complete (`push`), and when it
wants what others have put there (`pull`). In a plain local folder both do nothing. Every upload shows whole or not
at all, and at once to everybody, so processes on many machines can share such a folder as they can a local one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

from triptych.storage.blob_storage import (
    create_remote_file,
    download_files,
    find_inside,
    is_remote,
    local_path,
    open_filesystem,
)
from triptych.storage.local_files import create_file, replace_file

__all__ = ["create", "drop", "forget", "is_mirrored", "list_files", "mount", "pull", "push", "read", "size_of", "write"]

_mounted: dict[str, _Mirror] = {}


class _Mirror:
    """A remote folder and the temporary one that stands for it in this process."""

    def __init__(self, address: str) -> None:
        self.filesystem, self._root = open_filesystem(address)
        self._scratch = tempfile.TemporaryDirectory(prefix="triptych-mirror-")
        self.folder = Path(self._scratch.name)
        self.seen: dict[str, str] = {}
        """Fingerprints of the remote files that the local ones are copies of."""

    def locate(self, path: Path) -> str:
        """Give the remote path of a local one."""
        name = path.relative_to(self.folder).as_posix()
        return self._root if name == "." else f"{self._root}/{name}"

    def describe(self, remote: str) -> dict[str, Any] | None:
        """Ask for a remote file or folder; None if there is none."""
        try:
            details: dict[str, Any] = self.filesystem.info(remote)
        except FileNotFoundError:
            return None
        return details

    def find(self, folder: Path) -> dict[Path, dict[str, Any]]:
        """List the remote files below a folder by their local paths."""
        return find_inside(self.filesystem, self.locate(folder), folder)

    def fetch(self, found: dict[Path, dict[str, Any]]) -> None:
        """Bring those remote files here that have changed since."""
        prints, wanted = {}, {}
        for path, details in found.items():
            remote = self.locate(path)
            prints[remote] = _fingerprint(details)
            if self.seen.get(remote) != prints[remote] or not path.is_file():
                wanted[remote] = path
        if len(wanted) == 1:
            ((remote, path),) = wanted.items()
            with replace_file(path) as part:
                self.filesystem.get_file(remote, str(part))
        else:
            download_files(self.filesystem, wanted)
        self.seen.update(prints)


def mount(address: str | Path) -> Path:
    """Give the local folder for an address, made if it is missing.

    Args:
        address: A path or `file://` (the folder itself), or a folder in blob storage (a temporary one, empty until
            something is pulled; the same one each time, until this process ends).
    """
    if not is_remote(address):
        folder = local_path(address)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if str(address) not in _mounted:
        _mounted[str(address)] = _Mirror(str(address))
    return _mounted[str(address)].folder


def is_mirrored(path: Path) -> bool:
    """Tell whether a path stands for one elsewhere."""
    return _find(path) is not None


def pull(path: Path) -> None:
    """Bring a file, or all files of a folder, to this machine where it stands for remote ones that are new.

    Args:
        path: Within a mounted folder, or anywhere: then nothing is done.
    """
    mirror = _find(path)
    if mirror is None:
        return
    details = mirror.describe(mirror.locate(path))
    if details is not None and details["type"] == "file":
        mirror.fetch({path: details})
    elif details is not None:
        mirror.fetch(mirror.find(path))


def push(path: Path) -> None:
    """Put a complete file where its folder stands for; nothing is done in a plain folder.

    Args:
        path: The file.
    """
    if (mirror := _find(path)) is not None:
        remote = mirror.locate(path)
        mirror.filesystem.put_file(str(path), remote)
        mirror.seen[remote] = _fingerprint(mirror.describe(remote) or {})


def write(path: Path, text: str) -> None:
    """Write a file that appears only when complete, also where its folder stands for one elsewhere."""
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")
    push(path)


def read(path: Path) -> str | None:
    """Read a file, as it is now where its folder stands for one elsewhere; None if there is none."""
    pull(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def drop(path: Path) -> None:
    """Remove a file, here and where its folder stands for; one that is missing is no error."""
    path.unlink(missing_ok=True)
    if (mirror := _find(path)) is not None:
        remote = mirror.locate(path)
        mirror.seen.pop(remote, None)
        if mirror.describe(remote) is not None:
            mirror.filesystem.rm_file(remote)


def forget(path: Path) -> None:
    """Remove this machine's copy of a file that its folder stands for elsewhere; a plain folder keeps its own."""
    if _find(path) is not None:
        path.unlink(missing_ok=True)


def create(path: Path, content: str) -> bool:
    """Write a file, here or where its folder stands for, unless there is one, and tell whether it was written.

    Of several processes that do so at the same moment, only one is told yes, and none sees half of the content.
    """
    mirror = _find(path)
    if mirror is None:
        return create_file(path, content.encode())
    return create_remote_file(mirror.filesystem, mirror.locate(path), content.encode())


class Listed(NamedTuple):
    """What a listing tells of a file."""

    size: int
    """Bytes."""
    changed_s: float
    """When it was last changed, in seconds since 1970."""


def list_files(folder: Path) -> dict[Path, Listed]:
    """List all files below a folder, asked for at once; as local paths, wherever they are."""
    mirror = _find(folder)
    if mirror is None:
        return {path: Listed(stat.st_size, stat.st_mtime) for path, stat in _walk(folder)}
    try:
        found = mirror.find(folder)
    except FileNotFoundError:
        return {}
    return {path: _describe(details) for path, details in found.items()}


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob("*"):
        try:
            stat = path.stat()
        except FileNotFoundError:  # renamed or removed by another process
            continue
        if S_ISREG(stat.st_mode):
            yield path, stat


def _describe(details: dict[str, Any]) -> Listed:
    changed = next((details[key] for key in ("last_modified", "mtime", "created") if details.get(key)), 0.0)
    return Listed(int(details["size"]), changed.timestamp() if hasattr(changed, "timestamp") else float(changed))


def size_of(path: Path) -> int | None:
    """Give the bytes of a file, here or else where its folder stands for; None if there is none."""
    if path.is_file():
        return path.stat().st_size
    mirror = _find(path)
    details = mirror.describe(mirror.locate(path)) if mirror else None
    return int(details["size"]) if details and details["type"] == "file" else None


def _find(path: Path) -> _Mirror | None:
    return next((mirror for mirror in _mounted.values() if path.is_relative_to(mirror.folder)), None)


def _fingerprint(details: dict[str, Any]) -> str:
    changed = next((details[key] for key in ("etag", "last_modified", "mtime", "created") if details.get(key)), None)
    return f"{details.get('size')}-{changed}"
