"""Lists in JSON that several processes add to, on one machine or on many: what one adds is not lost to another."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec

from triptych.storage.blob_storage import account_of, create_remote_file, protocols_of
from triptych.storage.local_files import create_file, replace_file

__all__ = ["Ledger"]

STALE_S = 30.0
"""A lock is held for a moment; one that has not changed hands for so long is that of a process that died."""
_POLL_S = 0.05
_TRIES = 20


class Ledger:
    """A JSON object of strings in a file, local or remote.

    While it is written, a file with `.lock` behind its name lies beside it.

    Args:
        url: The file; it need not be there.
        options: Of its file system; the account that the address names wins over one of theirs.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self._url = url
        self._filesystem, self._path = fsspec.core.url_to_fs(url, **{**(options or {}), **account_of(url)})
        self._local = "file" in protocols_of(self._filesystem)
        self._lock = f"{self._path}.lock"

    def read(self) -> dict[str, str]:
        """Give what is listed, nothing while there is no file.

        Raises:
            ValueError: If the file holds something else.
        """
        content = self._cat(self._path)
        try:
            entries = json.loads(content) if content is not None else {}
        except ValueError as error:
            raise ValueError(f"{self._url} is not the list of files it should be: delete it ({error})") from error
        if not isinstance(entries, dict):
            raise ValueError(f"{self._url} is not the list of files it should be: delete it")
        return entries

    def add(self, entries: Mapping[str, str]) -> None:
        """Add entries, which take the place of those of the same names; all others stay.

        Raises:
            OSError: If others overwrite the list all the time.
        """
        if not entries:
            return
        for _ in range(_TRIES):
            with self._locked():
                self._write({**self.read(), **entries})
            # A process that slept for longer than a lock lasts may have written what it had read before.
            if entries.keys() <= self.read().keys():
                return
        raise OSError(f"{self._url} is overwritten by other processes all the time")

    def _write(self, entries: Mapping[str, str]) -> None:
        content = json.dumps(entries, indent=1, sort_keys=True).encode()
        if not self._local:
            self._filesystem.pipe_file(self._path, content)  # blob storage shows an upload when it is complete
            return
        with replace_file(Path(self._path)) as part:
            part.write_bytes(content)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        token = uuid.uuid4().hex.encode()
        self._take(token)
        try:
            yield
        finally:
            if self._cat(self._lock) == token:  # else another process has broken it
                self._remove_lock()

    def _take(self, token: bytes) -> None:
        """Create the lock; watch that of another, and break it once it is stale: no clock of another is asked."""
        holder: bytes | None = None
        since = time.monotonic()
        while not self._create_lock(token):
            seen = self._cat(self._lock)
            if seen != holder:
                holder, since = seen, time.monotonic()
            elif seen is not None and time.monotonic() - since > STALE_S:
                self._remove_lock()
            time.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - that two do not wait in step

    def _create_lock(self, token: bytes) -> bool:
        if self._local:
            return create_file(Path(self._lock), token)
        return create_remote_file(self._filesystem, self._lock, token)

    def _remove_lock(self) -> None:
        with suppress(FileNotFoundError):
            self._filesystem.rm_file(self._lock)

    def _cat(self, path: str) -> bytes | None:
        try:
            content: bytes = self._filesystem.cat_file(path)
        except FileNotFoundError:
            return None
        return content
