"""Folders of files, passed from node to node as paths."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from triptych.storage import mirrors
from triptych.storage.blob_storage import is_remote, local_path, open_filesystem, upload_folder
from triptych.storage.folder import Folder
from triptych.storage.local_files import replace_file, replace_folder


class FolderDataset(AbstractDataset[Folder | Path, Path]):
    """A folder of files, loaded as its path; on disk it appears under its name only when complete.

    A loaded folder is the dataset itself: read it, do not write into it. One in blob storage is fetched whole, many
    files at a time, to a temporary folder, and put there likewise; each of its files shows only when complete.

    Args:
        filepath: The folder: a path, or `abfs://container@account.dfs.core.windows.net/folder`.
        add: Whether a save keeps what is there already; each file then appears only when complete, and takes the
            place of one of the same name.
        copy_to: Another folder, local or in blob storage, to which what is saved is added as well.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        *,
        filepath: str | Path,
        add: bool = False,
        copy_to: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._address = str(filepath)
        self._filepath = local_path(filepath)
        self._add = add
        self._copy_to = copy_to
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, fetching what lies elsewhere."""
        if not self._exists():
            raise DatasetError(
                f"{self._address} is no folder: put the files there, give another path, or run the step that makes it"
            )
        if not is_remote(self._address):
            return self._filepath
        folder = mirrors.mount(self._address)
        mirrors.pull(folder)
        return folder

    def save(self, data: Folder | Path) -> None:
        """Put the files into a new folder, then that in the target's place.

        Args:
            data: A `Folder`, whose files are moved (copied to another file system), or the path of a folder, which
                is copied.
        """
        if isinstance(data, Path) and data.resolve() == self._filepath.resolve():
            return  # loaded from here, and passed on
        source = data.path if isinstance(data, Folder) else data
        if self._copy_to:
            _add_to(source, self._copy_to)
        if is_remote(self._address):
            _replace_remote(source, self._address, self._add)
            return
        if self._add:
            _add_files(source, self._filepath)
            _keep(self._filepath)
            return
        with replace_folder(self._filepath) as part:
            if isinstance(data, Folder):
                for item in data.path.iterdir():
                    shutil.move(item, part / item.name)
            else:
                shutil.copytree(data, part, dirs_exist_ok=True)
            _keep(part)

    def _exists(self) -> bool:
        if not is_remote(self._address):
            return self._filepath.is_dir()
        filesystem, path = open_filesystem(self._address)
        return bool(filesystem.isdir(path))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._address, "copy_to": self._copy_to}


def _add_to(source: Path, address: str) -> None:
    if is_remote(address):
        filesystem, target = open_filesystem(address)
        upload_folder(filesystem, source, target)
    else:
        _add_files(source, local_path(address))


def _replace_remote(source: Path, address: str, add: bool) -> None:
    """Put the files there, then remove those that are not of the new folder."""
    filesystem, target = open_filesystem(address)
    _keep(source)
    upload_folder(filesystem, source, target)
    if add:
        return
    new = {f"{target}/{path.relative_to(source).as_posix()}" for path in source.rglob("*")}
    for path in filesystem.find(target):
        if path not in new:
            filesystem.rm_file(path)


def _add_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        final = target / path.relative_to(source)
        with replace_file(final) as part:
            shutil.copyfile(path, part)


def _keep(folder: Path) -> None:
    """Put a hidden file into an empty folder: Azure ML does not hand on empty ones."""
    if not any(folder.iterdir()):
        (folder / ".keep").touch()
