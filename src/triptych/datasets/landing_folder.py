"""A folder, local or in blob storage, into which new files land; each is handed out until it is confirmed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any, NoReturn

import fsspec
from kedro.io import AbstractDataset, DatasetError

from triptych.storage.blob_storage import LandedFile, account_of
from triptych.storage.ledgers import Ledger

_logger = logging.getLogger(__name__)
_NAMED = 3
# What cameras, editors, downloads and people leave beside videos; .part and such are uploads under way.
_SIDE_FILES = (
    *(".txt", ".md", ".json", ".xml", ".csv", ".yml", ".yaml", ".nfo", ".ini", ".log", ".db", ".pdf", ".html"),
    *(".srt", ".vtt", ".ass", ".ssa", ".sub", ".idx", ".sup", ".ttml", ".jpg", ".jpeg", ".png", ".webp", ".thm"),
    *(".md5", ".sha1", ".sha256", ".sha512", ".part", ".partial", ".tmp", ".crdownload", ".lrv", ".keep"),
)


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
        suffixes: Endings of the names that count, in lower case; others are passed over, with a warning unless they
            are of what usually lies beside videos. None: all but hidden ones.
        retry: Patterns of names (`*`, which takes `/` too, `?`, `[...]`), or one text with `|` between them: files that
            are handed out although they are confirmed.
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
        retry: str | Sequence[str] | None = None,
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
        self._retry = _split_patterns(retry)

    def load(self) -> dict[str, LandedFile]:
        """Give the files to be worked on by name.

        Raises:
            DatasetError: If there is no such folder.
        """
        landed = list(self._find_landed())
        self._warn_of_others([file.name for file in landed if not self._is_wanted(file.name)])
        self._warn_of_unmet([file.name for file in landed if self._is_wanted(file.name)])
        return {file.name: file for file in self._choose_new(landed)}

    def save(self, _: Any) -> NoReturn:
        """Refuse: files land by themselves."""
        raise DatasetError(f"{self._folder} is an input and is never written")

    def _find_landed(self) -> Iterator[LandedFile]:
        """Find all files that are not hidden, by name."""
        options = {**self._credentials, **account_of(self._folder), **self._fs_args}
        filesystem, folder = fsspec.core.url_to_fs(self._folder, **options)
        filesystem.invalidate_cache()
        if not filesystem.exists(folder):
            raise DatasetError(f"{self._folder} is no folder: create it, or name another one to look for new files in")
        for path, details in sorted(filesystem.find(folder, detail=True).items()):
            file = LandedFile(path[len(folder) :].strip("/"), _fingerprint(details), path, filesystem)
            if not any(part.startswith(".") for part in file.name.split("/")):
                yield file

    def _choose_new(self, landed: Iterable[LandedFile]) -> Iterator[LandedFile]:
        confirmed = self._read_confirmed()
        for file in landed:
            new = confirmed.get(file.name) != file.fingerprint
            if self._is_wanted(file.name) and (new or any(fnmatch(file.name, pattern) for pattern in self._retry)):
                yield file

    def _is_wanted(self, name: str) -> bool:
        return not self._suffixes or name.lower().endswith(self._suffixes)

    def _warn_of_others(self, names: Sequence[str]) -> None:
        """Tell of files that are passed over for their endings, unless these say that they are no videos."""
        others = [name for name in names if not name.lower().endswith(_SIDE_FILES)]
        if not others:
            return
        endings = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in others)
        counts = ", ".join(f"{ending} ({count})" for ending, count in endings.most_common())
        _logger.warning(
            "%d files in %s are passed over, as their endings are none of those looked for: %s; such as %s. "
            "If they are to be handled, add their endings to `suffixes` of the dataset in the catalog.",
            *(len(others), self._folder, counts, ", ".join(others[:_NAMED])),
        )

    def _read_confirmed(self) -> dict[str, str]:
        try:
            # The list may lie in another account than the files.
            return Ledger(self._ledger, {**self._credentials, **self._fs_args}).read()
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def _warn_of_unmet(self, names: Sequence[str]) -> None:
        unmet = [pattern for pattern in self._retry if not any(fnmatch(name, pattern) for name in names)]
        if unmet:
            _logger.warning("retry: no file in %s has a name like %s", self._folder, ", ".join(unmet))

    def _exists(self) -> bool:
        return any(True for _ in self._choose_new(self._find_landed()))

    def _describe(self) -> dict[str, Any]:
        return {"path": self._folder, "checkpoint": self._ledger, "suffixes": self._suffixes, "retry": self._retry}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self._folder!r}, checkpoint={self._ledger!r})"


def _split_patterns(retry: str | Sequence[str] | None) -> list[str]:
    """Divide patterns that came in one text, as on the command line, where a list cannot be given.

    Raises:
        DatasetError: If it is neither text nor a list.
    """
    if isinstance(retry, Mapping):  # what YAML makes of an unquoted `a: b.mp4`
        raise DatasetError(f"retry must be a pattern of names in quotes, got {dict(retry)}")
    parts = [retry or ""] if isinstance(retry, str | int | float | None) else retry
    patterns = [pattern.strip() for part in parts for pattern in str(part).split("|")]
    return [pattern for pattern in patterns if pattern]


def _fingerprint(details: dict[str, Any]) -> str:
    changed = next((str(details[key]) for key in ("etag", "content_md5", "last_modified") if details.get(key)), None)
    return f"{details.get('size')}-{changed or details.get('mtime')}"
