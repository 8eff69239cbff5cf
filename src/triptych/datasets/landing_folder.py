"""A folder, local or in blob storage, into which new files land; each is handed out until it is confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import fsspec
from kedro.io import AbstractDataset, DatasetError

from triptych.storage.blob_storage import LandedFile, account_of
from triptych.storage.ledgers import Ledger


class LandingFolderDataset(AbstractDataset[Any, dict[str, LandedFile]]):
    """Hand out the files that are new or have changed since they were last confirmed.

    Kedro's `IncrementalDataset` remembers the last name in the alphabet, so a file that lands later under an earlier
    name is never found, and one that lands while a run is at work is confirmed unseen. Here each file is known with
    its fingerprint. A run hands on the fingerprints of what it was given, and saves those of what it has handled by a
    `ConfirmedFilesDataset` on the same list; so neither other processes nor other runs at the same moment matter.

    Args:
        path: The folder; local, or `abfs://container/folder`.
        checkpoint: `filepath` of a JSON file with the confirmed files, local or remote (Kedro makes it absolute under
            this key).
        suffixes: Endings of the names that count, in lower case; others are ignored. None: all but hidden ones.
        credentials: For the file system of both paths.
        fs_args: Further arguments of that file system.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        *,
        path: str,
        checkpoint: dict[str, str],
        suffixes: Sequence[str] = (),
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folder = str(path)
        self._ledger = str(checkpoint["filepath"])
        self._credentials = credentials or {}
        self._fs_args = fs_args or {}
        self.metadata = metadata
        self._suffixes = tuple(suffix.lower() for suffix in suffixes)

    def load(self) -> dict[str, LandedFile]:
        """Give the files to be worked on by name.

        Raises:
            DatasetError: If there is no such folder.
        """
        return {file.name: file for file in self._find_new()}

    def save(self, _: Any) -> NoReturn:
        """Refuse: files land by themselves."""
        raise DatasetError(f"{self._folder} is an input and is never written")

    def _find_new(self) -> Iterator[LandedFile]:
        options = {**self._credentials, **account_of(self._folder), **self._fs_args}
        filesystem, folder = fsspec.core.url_to_fs(self._folder, **options)
        filesystem.invalidate_cache()
        if not filesystem.exists(folder):
            raise DatasetError(f"{self._folder} is no folder: create it, or name another one to look for new files in")
        confirmed = self._read_confirmed()
        for path, details in sorted(filesystem.find(folder, detail=True).items()):
            file = LandedFile(path[len(folder) :].strip("/"), _fingerprint(details), path, filesystem)
            hidden = any(part.startswith(".") for part in file.name.split("/"))
            wanted = not self._suffixes or file.name.lower().endswith(self._suffixes)
            if wanted and not hidden and confirmed.get(file.name) != file.fingerprint:
                yield file

    def _read_confirmed(self) -> dict[str, str]:
        try:
            # The list may lie in another account than the files.
            return Ledger(self._ledger, {**self._credentials, **self._fs_args}).read()
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def _exists(self) -> bool:
        return any(True for _ in self._find_new())

    def _describe(self) -> dict[str, Any]:
        return {"path": self._folder, "checkpoint": self._ledger, "suffixes": self._suffixes}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self._folder!r}, checkpoint={self._ledger!r})"


def _fingerprint(details: dict[str, Any]) -> str:
    changed = next((str(details[key]) for key in ("etag", "content_md5", "last_modified") if details.get(key)), None)
    return f"{details.get('size')}-{changed or details.get('mtime')}"
