"""A folder, local or in blob storage, into which new files land; each is handed out until it is confirmed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
from kedro.io import DatasetError
from kedro_datasets.partitions import IncrementalDataset

from triptych.storage.blob_storage import LandedFile, account_of, protocols_of
from triptych.storage.local_files import replace_file

Fingerprints = dict[str, str]


class LandingFolderDataset(IncrementalDataset):  # type: ignore[misc]
    """Hand out the files that are new or have changed since they were last confirmed.

    Kedro's `IncrementalDataset` remembers the last name in the alphabet, so a file that lands later under an earlier
    name is never found, and one that lands while a run is at work is confirmed unseen. This one remembers each file
    with its fingerprint, and confirms exactly those that were handed out, also from another process.

    Args:
        path: The folder; local, or `abfs://container/folder`.
        checkpoint: `filepath` of a JSON file with the confirmed files, local or remote (Kedro makes it absolute under
            this key); beside it, while a run is at work, lies the list of those handed out.
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
        super().__init__(
            path=str(path),
            dataset="triptych.datasets.TextDataset",  # asked for by Kedro; load() hands out handles instead
            credentials={**account_of(path), **(credentials or {})},
            fs_args=fs_args,
            metadata=metadata,
        )
        self._ledger = str(checkpoint["filepath"])
        self._suffixes = tuple(suffix.lower() for suffix in suffixes)

    def load(self) -> dict[str, LandedFile]:
        """Give the files to be worked on by name, and note them as handed out.

        Raises:
            DatasetError: If there is no such folder.
        """
        self._invalidate_caches()
        if not self._filesystem.exists(self._path):
            raise DatasetError(f"{self._path} is no folder: create it, or name another one to look for new files in")
        confirmed = self._read(self._ledger)
        new = {file.name: file for file in self._find() if confirmed.get(file.name) != file.fingerprint}
        self._write(self._pending, {file.name: file.fingerprint for file in new.values()})
        return new

    def confirm(self) -> None:
        """Remember the files that were handed out last, so that they are not handed out again."""
        if pending := self._read(self._pending):
            self._write(self._ledger, self._read(self._ledger) | pending)
        filesystem, path = self._open(self._pending)
        if filesystem.exists(path):
            filesystem.rm_file(path)

    @property
    def _pending(self) -> str:
        return f"{self._ledger}.pending"

    def _find(self) -> list[LandedFile]:
        files = []
        for path, details in sorted(self._filesystem.find(self._normalized_path, detail=True).items()):
            name = self._path_to_partition(path)
            hidden = any(part.startswith(".") for part in name.split("/"))
            if not hidden and (not self._suffixes or name.lower().endswith(self._suffixes)):
                files.append(LandedFile(name, _fingerprint(details), path, self._filesystem))
        return files

    def _open(self, url: str) -> tuple[Any, str]:
        # The list may lie in another account than the files.
        options = {**self._credentials, **account_of(url), **self._fs_args}
        filesystem, path = fsspec.core.url_to_fs(url, **options)
        return filesystem, path

    def _read(self, url: str) -> Fingerprints:
        filesystem, path = self._open(url)
        if not filesystem.exists(path):
            return {}
        try:
            fingerprints: Fingerprints = json.loads(filesystem.cat_file(path))
        except ValueError as error:
            raise DatasetError(f"{url} is not the list of files it should be: delete it ({error})") from error
        return fingerprints

    def _write(self, url: str, fingerprints: Fingerprints) -> None:
        filesystem, path = self._open(url)
        content = json.dumps(fingerprints, indent=1, sort_keys=True).encode()
        if "file" not in protocols_of(filesystem):
            filesystem.pipe_file(path, content)  # blob storage shows an upload when it is complete
            return
        with replace_file(Path(path)) as part:
            part.write_bytes(content)

    def _list_partitions(self) -> list[str]:
        confirmed = self._read(self._ledger)
        return [file.path for file in self._find() if confirmed.get(file.name) != file.fingerprint]

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path, "checkpoint": self._ledger, "suffixes": self._suffixes}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self._path!r}, checkpoint={self._ledger!r})"


def _fingerprint(details: dict[str, Any]) -> str:
    changed = next((str(details[key]) for key in ("etag", "content_md5", "last_modified") if details.get(key)), None)
    return f"{details.get('size')}-{changed or details.get('mtime')}"
