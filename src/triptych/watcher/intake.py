"""Stage what has landed where a job finds it, and put aside what does not open, with its reason beside it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from triptych.errors import InputError
from triptych.storage.blob_storage import LandedFile
from triptych.storage.local_files import add_ending, link_or_copy, replace_file
from triptych.watcher.kinds import Kind
from triptych.watcher.ledger import Batch

__all__ = ["Intake"]

_logger = logging.getLogger(__name__)
_REASON = ".reason.txt"


class Intake:
    """Where files are staged, and put aside.

    Args:
        folder: Of all jobs.
    """

    def __init__(self, folder: Path) -> None:
        self._staged, self.quarantine = folder / "intake", folder / "quarantine"

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
            _logger.warning("%s has gone, or may not be read: %s", file.name, error)
            return None
        if reason := _find_fault(kind, file.name, target):
            self._put_aside(kind, file.name, target, reason)
            return None
        return target

    def _put_aside(self, kind: Kind, name: str, staged: Path, reason: str) -> None:
        target = _join(self.quarantine / kind.name, name)
        _logger.warning("%s is put aside as %s: %s", ascii(name), ascii(str(target)), reason)
        with replace_file(target) as part:
            link_or_copy(staged, part)
        with replace_file(target.with_name(add_ending(target.name, _REASON))) as part:
            part.write_text(f"{reason}\n", encoding="utf-8")
        staged.unlink()


def _join(folder: Path, name: str) -> Path:
    """Join a name from outside, which was listed below its folder, to one of ours.

    Raises:
        ValueError: If it would lead out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise ValueError(f"{name!r} leads out of its folder")
    return folder / path


def _find_fault(kind: Kind, name: str, path: Path) -> str:
    """Say why a file cannot be used; nothing if it can."""
    try:
        name.encode("utf-8")
        kind.check(path)
    except UnicodeEncodeError:
        return "its name is no UTF-8: rename it"
    except InputError as error:
        return str(error)
    except (OSError, MemoryError):  # the machine's
        raise
    except Exception as error:  # or it would hold up those that landed with it
        _logger.exception("%s could not be checked", ascii(name))
        return f"it could not be checked, which is a fault of triptych's: {type(error).__name__}: {error}"
    return ""
