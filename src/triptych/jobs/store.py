"""What is known of every job, in SQLite: this is the truth, and every change of a state is one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from triptych.jobs.database import Database

__all__ = ["ENDED", "Job", "JobRequest", "JobStore", "KeyReusedError", "QueueFullError", "State"]

State = Literal["queued", "running", "completed", "submitted", "failed", "cancelled", "interrupted"]
ENDED = ("completed", "submitted", "failed", "cancelled", "interrupted")
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    environment TEXT NOT NULL,
    parameters TEXT NOT NULL,
    key TEXT UNIQUE,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    is_cancelled INTEGER NOT NULL DEFAULT 0,
    created_s REAL NOT NULL,
    started_s REAL,
    ended_s REAL,
    exit_code INTEGER,
    reason TEXT NOT NULL DEFAULT ''
)
"""


class QueueFullError(RuntimeError):
    """As many jobs wait as may; try again later."""


class KeyReusedError(ValueError):
    """An idempotency key came again, with another job."""


@dataclass(frozen=True)
class JobRequest:
    """A job as it was asked for, and checked.

    Attributes:
        pipeline: A registered one.
        parameters: As for `kedro run --params`, nested.
        environment: Of the configuration.
    """

    pipeline: str
    parameters: Mapping[str, Any]
    environment: str

    @property
    def digest(self) -> str:
        """Tell requests apart."""
        text = json.dumps([self.pipeline, self.parameters, self.environment], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Job:
    """What is known of a job.

    Attributes:
        id: Its name, which sorts by time.
        pipeline: What it runs.
        environment: Of the configuration.
        parameters: JSON, as in the database; `request` reads it.
        state: `queued`, `running`, or how it ended; `submitted`: Azure ML has it, and what becomes of it there is not
            followed.
        attempts: How often it was begun.
        is_cancelled: Whether somebody wishes its end.
        created_s: When it was asked for, in seconds since 1970.
        started_s: When it was last begun.
        ended_s: When it ended.
        exit_code: Of its process.
        reason: Why it is not completed; of one that is submitted, how to follow it.
    """

    id: str
    pipeline: str
    environment: str
    parameters: str
    state: State
    attempts: int
    is_cancelled: bool
    created_s: float
    started_s: float | None
    ended_s: float | None
    exit_code: int | None
    reason: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    def request(self) -> JobRequest:
        """Read what was asked for.

        Raises:
            ValueError: If the record is damaged.
        """
        parameters = json.loads(self.parameters)
        if not isinstance(parameters, dict):
            raise ValueError("its parameters are no object")
        return JobRequest(self.pipeline, parameters, self.environment)


class JobStore:
    """The jobs of a folder; processes and threads may share it.

    Args:
        folder: Where the database is, made if it is missing.

    Raises:
        InputError: If the database cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "jobs.db", _TABLE)

    def add(self, request: JobRequest, most_queued: int, key: str | None = None) -> tuple[Job, bool]:
        """Note a job that is to be run, unless its key has come before.

        Args:
            request: The job.
            most_queued: Jobs that may wait.
            key: Of whoever asks: the same one with the same job gives the job that is there.

        Returns:
            The job, and whether it is new.

        Raises:
            KeyReusedError: If the key belongs to another job.
            QueueFullError: If too many jobs wait.
        """
        now = time.time()
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{uuid.uuid4().hex[:8]}"
        with self._database.change() as connection:
            found = connection.execute("SELECT * FROM jobs WHERE key = ?", [key]).fetchone() if key else None
            if found is not None:
                if found["digest"] != request.digest:
                    raise KeyReusedError(f"this key belongs to job {found['id']}, which is another: take a new key")
                return _read(found), False
            waiting = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0]
            if waiting >= most_queued:
                raise QueueFullError(f"{waiting} jobs wait, which is as many as may: try again later")
            connection.execute(
                "INSERT INTO jobs (id, pipeline, environment, parameters, key, digest, state, created_s) "
                "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
                [
                    *(name, request.pipeline, request.environment),
                    *(json.dumps(request.parameters), key or None, request.digest, now),
                ],
            )
            return _read(_select(connection, name)), True

    def claim(self, name: str) -> Job | None:
        """Take a waiting job to run it: of several who try, one is given it, and None the others."""
        with self._database.change() as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_s = ? "
                "WHERE id = ? AND state = 'queued'",
                [time.time(), name],
            )
            return _read(_select(connection, name)) if changed.rowcount else None

    def end(self, name: str, state: State, reason: str = "", exit_code: int | None = None) -> bool:
        """Note how a running job ended, and tell whether it was running."""
        with self._database.change() as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = ?, reason = ?, exit_code = ?, ended_s = ? WHERE id = ? AND state = 'running'",
                [state, reason, exit_code, time.time(), name],
            )
            return bool(changed.rowcount)

    def put_back(self, name: str, reason: str, has_begun: bool = True) -> None:
        """Let a running job wait again, which has not come to its end; one that is to be cancelled is so then.

        Args:
            name: The job.
            reason: Why.
            has_begun: Whether the attempt counts.
        """
        with self._database.change() as connection:
            connection.execute(
                "UPDATE jobs SET state = CASE WHEN is_cancelled THEN 'cancelled' ELSE 'queued' END, "
                "ended_s = CASE WHEN is_cancelled THEN ? END, reason = ?, attempts = attempts - ? "
                "WHERE id = ? AND state = 'running'",
                [time.time(), reason, int(not has_begun), name],
            )

    def cancel(self, name: str) -> Job | None:
        """Cancel a waiting job at once, ask for the end of a running one; leave others. None: there is no such job."""
        with self._database.change() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', is_cancelled = 1, ended_s = ? WHERE id = ? AND state = 'queued'",
                [time.time(), name],
            )
            connection.execute("UPDATE jobs SET is_cancelled = 1 WHERE id = ? AND state = 'running'", [name])
            row = _select(connection, name)
            return None if row is None else _read(row)

    def find(self, name: str) -> Job | None:
        """Give a job; None if there is none of that name."""
        with self._database.open() as connection:
            row = _select(connection, name)
            return None if row is None else _read(row)

    def find_by_key(self, key: str) -> Job | None:
        """Give the job that has an idempotency key; None if there is none."""
        with self._database.open() as connection:
            row = connection.execute("SELECT * FROM jobs WHERE key = ?", [key]).fetchone()
            return None if row is None else _read(row)

    def list_oldest(self, state: State) -> list[Job]:
        """Give all jobs in a state, the oldest first."""
        with self._database.open() as connection:
            rows = connection.execute("SELECT * FROM jobs WHERE state = ? ORDER BY number", [state])
            return [_read(row) for row in rows]

    def list(self, state: str | None = None, most: int = 100) -> list[Job]:
        """Give jobs, the newest first.

        Args:
            state: Only those in this one.
            most: How many.
        """
        wanted = get_args(State) if state is None else (state,)
        marks = ", ".join("?" * len(wanted))
        with self._database.open() as connection:
            rows = connection.execute(
                f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY number DESC LIMIT ?",  # noqa: S608 - marks only
                [*wanted, most],
            )
            return [_read(row) for row in rows]


def _select(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute("SELECT * FROM jobs WHERE id = ?", [name]).fetchone()


def _read(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in Job.__dataclass_fields__}
    return Job(**{**values, "is_cancelled": bool(values["is_cancelled"])})
