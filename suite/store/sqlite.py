"""The results database of one run in a file: SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sql

from suite.store.database import Database

__all__ = ["open_sqlite"]

BUSY_SECONDS = 60.0
"""How long a writer waits for another one; a commit here takes milliseconds."""
FIRST_VERSION_VIEWS = (
    "CREATE TEMP VIEW results AS SELECT '' AS run, '' AS place, * FROM main.results",
    "CREATE TEMP VIEW documents AS SELECT '' AS run, * FROM main.documents",
    "CREATE TEMP VIEW claims AS SELECT '' AS run, * FROM main.claims",
)
"""A file of version 1 that is only read is not migrated; in a reader's eyes it looks as if it were."""
EXPORTS_VIEW = "CREATE TEMP VIEW exports AS SELECT '' AS run, * FROM main.exports"
NO_EXPORTS = "CREATE TEMP TABLE exports (sequence, run, document)"
"""In version 1 the table came with the first exported file."""


def open_sqlite(path: Path, *, read_only: bool, shown: Path | None = None) -> Database:
    """The database in the file at ``path``, ``shown`` in messages. Nothing is opened until it is first used."""

    def connect() -> sqlite3.Connection:
        return _connect(path, read_only=read_only)

    engine = sql.create_engine("sqlite://", creator=connect, poolclass=sql.pool.QueuePool)

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        # A transaction that reads and then writes must hold the lock from its first statement, or two of them
        # would both read the old state.
        if read_only:
            connection.exec_driver_sql("BEGIN")
            return
        # Without waiting for the disk a commit still outlasts this process, and what others wrote before it too.
        lasting = connection.get_execution_options().get("lasting", True)
        connection.exec_driver_sql("PRAGMA synchronous=FULL" if lasting else "PRAGMA synchronous=NORMAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return Database(engine, run="", shown=str(shown or path))


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        _switch_to_wal(connection)
        return connection
    try:
        return _connect_read_only(path, "mode=ro")
    except sqlite3.OperationalError:
        # A read-only folder has no room for the files of write-ahead mode; nobody writes there either.
        return _connect_read_only(path, "mode=ro&immutable=1")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead mode. SQLite does not wait here by itself when two processes open a new database at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _connect_read_only(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        isolation_level=None,
    )
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if "documents" in names:
        _show_as_newest(connection, names)
    return connection


def _show_as_newest(connection: sqlite3.Connection, names: set[str]) -> None:
    with contextlib.suppress(sqlite3.DatabaseError):  # a table of that name of another program
        found = connection.execute("SELECT text FROM documents WHERE name = 'version'").fetchone()
        if found is not None and found[0] == "1":
            connection.execute("PRAGMA temp_store=MEMORY")
            for view in (*FIRST_VERSION_VIEWS, EXPORTS_VIEW if "exports" in names else NO_EXPORTS):
                connection.execute(view)
