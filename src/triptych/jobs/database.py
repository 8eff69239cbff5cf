"""A file of SQLite that processes and threads share: made if it is missing, refused if it is another's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from triptych.errors import InputError

__all__ = ["Database"]

_BUSY_S = 30.0


class Database:
    """A database in a file that nobody else may read.

    Args:
        path: The file, made if it is missing, and its folder likewise.
        tables: `CREATE TABLE IF NOT EXISTS` for each.
        version: Of the tables; to be raised when they change in a way that an older triptych cannot read.

    Raises:
        InputError: If it cannot be opened, is no database, or one of other tables.
    """

    def __init__(self, path: Path, tables: str, version: int = 1) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
            with self.open() as connection:
                self._check_version(connection, version)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(tables)
                self._check_tables(connection, tables)
                if _read_version(connection) != version:
                    connection.execute(f"PRAGMA user_version = {version}")
        except (OSError, sqlite3.Error) as error:
            is_damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            advice = ": move it away" if is_damaged else ""
            raise InputError(f"{path} cannot be used: {error}{advice}") from error

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Give a connection, for reading; a statement that changes something is a transaction of its own."""
        connection = sqlite3.connect(os.fspath(self._path), timeout=_BUSY_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        with closing(connection):
            connection.execute("PRAGMA synchronous=FULL")  # a claim must outlive a loss of power
            yield connection

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for changes that are made all or none."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _check_version(self, connection: sqlite3.Connection, version: int) -> None:
        if _read_version(connection) > version:
            raise InputError(f"{self._path} is of a later version of triptych: use that, or another folder")

    def _check_tables(self, connection: sqlite3.Connection, tables: str) -> None:
        with closing(sqlite3.connect(":memory:")) as model:
            model.executescript(tables)
            if _list_columns(model) - _list_columns(connection):
                raise InputError(f"{self._path} has other tables than this version of triptych: move it away")


def _read_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _list_columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = connection.execute(
        "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
    )
    return {(table, column) for table, column in rows}
