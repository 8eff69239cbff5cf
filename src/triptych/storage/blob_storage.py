"""Blob storage as fsspec sees it: which account an address names, whole folders in one go, files that land."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import fsspec

from triptych.storage.local_files import link_or_copy, replace_file

__all__ = [
    "LandedFile",
    "account_of",
    "create_remote_file",
    "download_files",
    "find_inside",
    "is_remote",
    "local_path",
    "open_filesystem",
    "protocols_of",
    "upload_folder",
    "without_account",
]

_logger = logging.getLogger(__name__)
_CONCURRENT = 32  # files at a time: small files are bound by the round trip


def is_remote(address: str | Path) -> bool:
    """Tell whether an address is not on this machine: `abfs://container@account.dfs.core.windows.net/folder`."""
    return urlsplit(str(address)).scheme not in ("", "file")


def local_path(address: str | Path) -> Path:
    """Turn a local address, plain or `file://`, into a path."""
    parts = urlsplit(str(address))
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(address)


def account_of(address: str | Path) -> dict[str, Any]:
    """Give the options that an address holds for its file system: the storage account.

    Kedro's own datasets pass the path alone to fsspec, which then asks the environment.
    """
    if not is_remote(address):
        return {}
    options: dict[str, Any] = _class_of(address)._get_kwargs_from_urls(str(address))
    return options


def without_account(address: str | Path) -> str:
    """Write an address as `abfs://container/file`: of the other form, Kedro's own datasets lose the container."""
    if not is_remote(address):
        return str(address)
    protocol = fsspec.core.split_protocol(str(address))[0]
    return f"{protocol}://{_class_of(address)._strip_protocol(str(address)).lstrip('/')}"


def _class_of(address: str | Path) -> Any:
    return fsspec.get_filesystem_class(fsspec.core.split_protocol(str(address))[0])


def open_filesystem(address: str, **options: Any) -> tuple[Any, str]:
    """Open the file system of an address.

    Credentials are found by azure-identity's `DefaultAzureCredential`; a connection string in
    AZURE_STORAGE_CONNECTION_STRING (a SAS, or Azurite) comes first.

    Args:
        address: A folder or file, remote.
        options: Of the file system; they win over what the address says.

    Returns:
        The file system, which lists anew each time, and the path on it.
    """
    fixed = {"skip_instance_cache": True, "use_listings_cache": False}
    filesystem, path = fsspec.core.url_to_fs(address, **{**fixed, **options})
    return filesystem, path.rstrip("/")


def create_remote_file(filesystem: Any, path: str, content: bytes) -> bool:
    """Write a file unless there is one, and tell whether it was written: of several processes, by one of them."""
    try:
        filesystem.pipe_file(path, content, mode="create")
    except FileExistsError:
        return False
    return True


def find_inside(filesystem: Any, root: str, folder: Path) -> dict[Path, dict[str, Any]]:
    """List all files below a remote folder, under the names they have in a local one that stands for it.

    Blob storage takes any text as a name. One that would lead out of the local folder (`../x`, or `/etc/x` behind a
    second slash) is passed over with a warning: whoever may write there could else have any file overwritten here.

    Args:
        filesystem: Of fsspec.
        root: The remote folder.
        folder: The local one.
    """
    inside, outside = {}, []
    for remote, details in filesystem.find(root, detail=True).items():
        name = remote[len(root) + 1 :]
        if _stays_inside(name):
            inside[folder / name] = details
        else:
            outside.append(remote)
    if outside:
        _logger.warning("%d files are passed over whose names lead out of %s: %s", len(outside), root, outside[:3])
    return inside


def _stays_inside(name: str) -> bool:
    path = PurePath(name)  # by the rules of this machine: a drive or a backslash is part of a name elsewhere
    return bool(name) and "\0" not in name and ".." not in path.parts and not path.anchor


def download_files(filesystem: Any, files: dict[str, Path]) -> None:
    """Fetch files to local names, many at a time; folders are made as needed."""
    for folder in {path.parent for path in files.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    if files:
        filesystem.get(list(files), [str(path) for path in files.values()], batch_size=_CONCURRENT)


def upload_folder(filesystem: Any, source: Path, target: str) -> None:
    """Put all files below a local folder into a remote one, many at a time; what is there under other names stays."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    if files:
        remote = [f"{target}/{path.relative_to(source).as_posix()}" for path in files]
        filesystem.put([str(path) for path in files], remote, batch_size=_CONCURRENT)


@dataclass(frozen=True)
class LandedFile:
    """A file that has landed in a folder, local or remote.

    Attributes:
        name: Its path within the folder, with `/`.
        fingerprint: Changes when the file does: size and ETag, or size and time of change.
        path: Its path on the file system.
        filesystem: fsspec's file system.
    """

    name: str
    fingerprint: str
    path: str
    filesystem: Any

    def fetch(self, target: Path) -> None:
        """Put the file's content under a local name: a hard link where that works, a copy elsewhere.

        The name appears only with the whole content behind it.
        """
        with replace_file(target) as part:
            if "file" in protocols_of(self.filesystem):
                with Path(self.path).open("rb"):  # a link could be made to what may not be read
                    link_or_copy(Path(self.path), part)
            else:
                self.filesystem.get_file(self.path, str(part))


def protocols_of(filesystem: Any) -> tuple[str, ...]:
    """Name the protocols of a file system of fsspec (`file`, `abfs`)."""
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
