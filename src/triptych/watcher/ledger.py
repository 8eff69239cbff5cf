"""What has landed and become of it, in SQLite: a file belongs to one batch, whoever watches and however often."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from triptych.jobs.database import Database
from triptych.storage.blob_storage import LandedFile

__all__ = ["Batch", "LandedLedger"]

_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, job TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS files (
    folder TEXT NOT NULL, name BLOB NOT NULL, fingerprint TEXT NOT NULL, batch TEXT NOT NULL,
    PRIMARY KEY (folder, name, fingerprint)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Batch:
    """Files that go into one job.

    Attributes:
        id: Its name, also the idempotency key of its job.
        folder: Where they landed.
        kind: Of them all.
        job: The job; empty while there is none.
        names: Of the files.
    """

    id: str
    folder: str
    kind: str
    job: str
    names: tuple[str, ...]


class LandedLedger:
    """The ledger of a folder of jobs; processes may share it.

    Args:
        folder: Where it is kept; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "landed.db", _TABLES)

    def find_new(self, folder: str, files: Sequence[LandedFile]) -> list[LandedFile]:
        """Leave out the files that belong to a batch already, as they are now."""
        with self._database.open() as connection:
            rows = connection.execute("SELECT name, fingerprint FROM files WHERE folder = ?", [folder])
            known = set(map(tuple, rows))
        return [file for file in files if (os.fsencode(file.name), file.fingerprint) not in known]

    def claim(self, folder: str, kind: str, files: Sequence[LandedFile]) -> None:
        """Make a batch of files, but for those that another watcher has claimed by now."""
        batch = f"landed-{uuid.uuid4().hex}"
        with self._database.change() as connection:
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?)",
                [(folder, os.fsencode(file.name), file.fingerprint, batch) for file in files],
            )
            if connection.total_changes > before:
                connection.execute("INSERT INTO batches VALUES (?, ?, ?, 'open', '')", [batch, folder, kind])

    def list(self, state: Literal["open", "submitted", "done"]) -> list[Batch]:
        """Give batches: `open` until their job is submitted, `done` when it has ended or nothing was left of them."""
        with self._database.open() as connection:
            rows = connection.execute("SELECT id, folder, kind, job FROM batches WHERE state = ?", [state]).fetchall()
            return [Batch(name, place, kind, job, self._names(connection, name)) for name, place, kind, job in rows]

    def note(self, batch: Batch, state: Literal["submitted", "done"], job: str = "") -> None:
        """Note what has become of a batch; of one that is done, nothing more does."""
        values = [state, job or batch.job, batch.id]
        with self._database.open() as connection:
            connection.execute("UPDATE batches SET state = ?, job = ? WHERE id = ? AND state != 'done'", values)

    def _names(self, connection: sqlite3.Connection, batch: str) -> tuple[str, ...]:
        rows = connection.execute("SELECT name FROM files WHERE batch = ? ORDER BY name", [batch])
        return tuple(os.fsdecode(name) for (name,) in rows)
