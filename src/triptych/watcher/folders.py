"""List what lies in a landing folder, on this machine or in blob storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec

from triptych.storage.blob_storage import LandedFile, find_inside, is_remote, local_path, open_filesystem

__all__ = ["list_landed"]


def list_landed(address: str) -> list[LandedFile]:
    """List the files of a folder and of those below it, by name.

    Hidden files and folders are passed over, as uploads under way are called (`.clip.mp4.part`), and so are links,
    which may lead anywhere, and whatever is no file.

    Args:
        address: A folder, or `abfs://container/folder`.

    Raises:
        OSError: If it cannot be listed.
    """
    found = _list_remote(address) if is_remote(address) else _list_local(local_path(address))
    return sorted(found, key=lambda file: os.fsencode(file.name))


def _list_local(folder: Path) -> Iterator[LandedFile]:
    filesystem = fsspec.filesystem("file")

    def fail(error: OSError) -> None:
        if error.filename == str(folder):  # one below it may have gone
            raise error

    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place) / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            try:
                details = path.stat()
            except OSError:  # it has just gone
                continue
            fingerprint = f"{details.st_size}-{details.st_mtime_ns}"
            yield LandedFile(path.relative_to(folder).as_posix(), fingerprint, str(path), filesystem)


def _list_remote(address: str) -> Iterator[LandedFile]:
    from azure.core.exceptions import AzureError

    filesystem, root = open_filesystem(address)
    top = Path("/landing")  # stands for the folder: names that lead out of it are passed over
    try:
        found = find_inside(filesystem, root, top)
    except AzureError as error:
        raise OSError(f"blob storage did not answer: {error}") from error
    for path, details in found.items():
        name = path.relative_to(top)
        if not any(part.startswith(".") for part in name.parts):
            yield LandedFile(name.as_posix(), _fingerprint(details), f"{root}/{name.as_posix()}", filesystem)


def _fingerprint(details: dict[str, Any]) -> str:
    keys = ("etag", "last_modified", "mtime", "created")
    return f"{details.get('size')}-{next((details[key] for key in keys if details.get(key)), '')}"
