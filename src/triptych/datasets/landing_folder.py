"""A folder, local or in blob storage, into which new files land; each is handed out until it is confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import fsspec
from kedro.io import AbstractDataset, DatasetError

from triptych.storage.blob_storage import LandedFile, account_of, protocols_of
from triptych.storage.local_files import replace_file

Fingerprints = dict[str, str]


class LandingFolderDataset(AbstractDataset[Any, dict[str, LandedFile]]):
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
        self._folder = str(path)
        self._ledger = str(checkpoint["filepath"])
        self._credentials = credentials or {}
        self._fs_args = fs_args or {}
        self.metadata = metadata
        self._suffixes = tuple(suffix.lower() for suffix in suffixes)

    def load(self) -> dict[str, LandedFile]:
        """Give the files to be worked on by name, and note them as handed out.

        Raises:
            DatasetError: If there is no such folder.
        """
        new = {file.name: file for file in self._find_new()}
        self._write(self._pending, {file.name: file.fingerprint for file in new.values()})
        return new

    def save(self, _: Any) -> NoReturn:
        """Refuse: files land by themselves."""
        raise DatasetError(f"{self._folder} is an input and is never written")

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

    def _find_new(self) -> Iterator[LandedFile]:
        filesystem, folder = self._open(self._folder)
        filesystem.invalidate_cache()
        if not filesystem.exists(folder):
            raise DatasetError(f"{self._folder} is no folder: create it, or name another one to look for new files in")
        confirmed = self._read(self._ledger)
        for path, details in sorted(filesystem.find(folder, detail=True).items()):
            file = LandedFile(path[len(folder) :].strip("/"), _fingerprint(details), path, filesystem)
            hidden = any(part.startswith(".") for part in file.name.split("/"))
            wanted = not self._suffixes or file.name.lower().endswith(self._suffixes)
            if wanted and not hidden and confirmed.get(file.name) != file.fingerprint:
                yield file

    def _open(self, url: str) -> tuple[Any, str]:
        # The list may lie in another account than the files.
        filesystem, path = fsspec.core.url_to_fs(url, **{**self._credentials, **account_of(url), **self._fs_args})
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

    def _exists(self) -> bool:
        return any(True for _ in self._find_new())

    def _describe(self) -> dict[str, Any]:
        return {"path": self._folder, "checkpoint": self._ledger, "suffixes": self._suffixes}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self._folder!r}, checkpoint={self._ledger!r})"


def _fingerprint(details: dict[str, Any]) -> str:
    changed = next((str(details[key]) for key in ("etag", "content_md5", "last_modified") if details.get(key)), None)
    return f"{details.get('size')}-{changed or details.get('mtime')}"
