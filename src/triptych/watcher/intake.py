"""Stage what has landed where a job finds it, and put aside what does not open, with its reason beside it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from triptych.storage.blob_storage import LandedFile
from triptych.storage.local_files import add_ending, link_or_copy, replace_file
from triptych.watcher.checking import FileChecker
from triptych.watcher.kinds import Kind
from triptych.watcher.ledger import Batch

__all__ = ["Intake"]

_logger = logging.getLogger(__name__)
_REASON = ".reason.txt"


class Intake:
    """Where files are staged, and put aside.

    Args:
        folder: Of all jobs.
        labels: By landing folder and kind: a name that keeps its files apart from those of others; may be empty.
        checker: Looks whether files open.
    """

    def __init__(self, folder: Path, labels: Mapping[tuple[str, str], str], checker: FileChecker) -> None:
        self._staged, self.quarantine = folder / "intake", folder / "quarantine"
        self._labels, self._checker = labels, checker

    def stage(self, batch: Batch, kind: Kind, landed: Mapping[str, LandedFile]) -> Path | None:
        """Bring the files of a batch to a folder of its own.

        Args:
            batch: The batch.
            kind: Of its files.
            landed: What lies in the landing folder now, by name; what has gone is left out.

        Returns:
            What the pipeline is given: the folder, or the file where it takes one; None if nothing is left.
        """
        self.clear(batch)  # of an attempt that was killed
        taken = [self._take(batch, kind, landed[name]) for name in batch.names if name in landed]
        staged = [path for path in taken if path is not None]
        if not staged:
            self.clear(batch)
            return None
        return staged[0] if kind.most == 1 else self._folder(batch)

    def clear(self, batch: Batch) -> None:
        """Remove what was staged."""
        shutil.rmtree(self._folder(batch), ignore_errors=True)

    def _folder(self, batch: Batch) -> Path:
        return self._staged / batch.id

    def _take(self, batch: Batch, kind: Kind, file: LandedFile) -> Path | None:
        target = _join(self._folder(batch), file.name)
        try:
            file.fetch(target)
        except (FileNotFoundError, PermissionError) as error:
            if str(target.parent) in str(error.filename or ""):
                raise  # of this machine
            _logger.warning("%s has gone, or may not be read: %s", ascii(file.name), error)
            return None
        aside = _join(self.quarantine / kind.name / self._labels.get((batch.folder, kind.name), ""), file.name)
        if reason := self._find_fault(kind, file.name, target):
            _put_aside(file.name, target, aside, reason)
            return None
        for path in (aside, _reason_of(aside)):  # an upload that was slow has come to its end
            path.unlink(missing_ok=True)
        return target

    def _find_fault(self, kind: Kind, name: str, path: Path) -> str:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            return "its name is no UTF-8: rename it"
        return self._checker.find_fault(kind, path)


def _put_aside(name: str, staged: Path, target: Path, reason: str) -> None:
    _logger.warning("%s is put aside as %s: %s", ascii(name), ascii(str(target)), reason)
    with replace_file(target) as part:
        link_or_copy(staged, part)
    with replace_file(_reason_of(target)) as part:
        part.write_text(f"{reason}\n", encoding="utf-8")
    staged.unlink()


def _reason_of(path: Path) -> Path:
    return path.with_name(add_ending(path.name, _REASON))


def _join(folder: Path, name: str) -> Path:
    """Join a name from outside, which was listed below its folder, to one of ours.

    Raises:
        ValueError: If it would lead out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise ValueError(f"{name!r} leads out of its folder")
    return folder / path
