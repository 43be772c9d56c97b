"""The results database: its tables, its version, how it is opened and how its errors are told.

SQLite in write-ahead mode, so that a report may be rebuilt while a run writes.  The statements are
SQLAlchemy Core and portable; what belongs to SQLite alone is in ``_connect``.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from suite.errors import StoreError

__all__ = [
    "FULL",
    "claims",
    "create_tables",
    "documents",
    "exports",
    "flush",
    "flush_folder",
    "mendable",
    "open_engine",
    "results",
]

BUSY_SECONDS = 60.0
"""How long a writer waits for another one; a commit here takes milliseconds."""

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a disk, a quota or a limit on the size of files answers when it is reached."""

_metadata = sql.MetaData()

results = sql.Table(
    "results",
    _metadata,
    # Saved later, numbered higher: a number is never used twice, so that a rerun can be told from what it replaced.
    sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("id", sql.String(64), nullable=False, unique=True),
    sql.Column("cell_id", sql.String(64), nullable=False, index=True),
    sql.Column("status", sql.String(16), nullable=False),
    sql.Column("phase", sql.String(16), nullable=False),
    sql.Column("seed", sql.Integer, nullable=False),
    sql.Column("model", sql.String, nullable=False),
    sql.Column("dataset", sql.String, nullable=False),
    sql.Column("strategy", sql.String, nullable=False),
    sql.Column("finished_at", sql.String(40), nullable=False),
    sql.Column("total_seconds", sql.Float),
    sql.Column("selection", sql.Float),
    sql.Column("has_model", sql.Boolean, nullable=False, default=False),
    sql.Column("document", sql.Text, nullable=False),
    sqlite_autoincrement=True,
)
documents = sql.Table(
    "documents",
    _metadata,
    sql.Column("name", sql.String(32), primary_key=True),
    sql.Column("text", sql.Text, nullable=False),
)
exports = sql.Table(
    "exports",
    _metadata,
    sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("trial_id", sql.String(64), nullable=False),
    sql.Column("cell_id", sql.String(64), nullable=False, index=True),
    sql.Column("format", sql.String(64), nullable=False),
    sql.Column("precision", sql.String(16), nullable=False),
    sql.Column("status", sql.String(16), nullable=False),
    sql.Column("document", sql.Text, nullable=False),
    sql.UniqueConstraint("trial_id", "format", "precision"),
    sqlite_autoincrement=True,
)
"""One row for each exported file; stores that were made before there were any get the table with their first."""
claims = sql.Table(
    "claims",
    _metadata,
    sql.Column("trial_id", sql.String(64), primary_key=True),
    sql.Column("owner", sql.String(128), nullable=False),
    sql.Column("heartbeat", sql.Float, nullable=False),
)


def open_engine(path: Path, *, read_only: bool) -> sql.Engine:
    """An engine on the SQLite file at ``path``. Nothing is opened until it is first used."""

    def connect() -> sqlite3.Connection:
        return _connect(path, read_only=read_only)

    engine = sql.create_engine("sqlite://", creator=connect, poolclass=sql.pool.QueuePool)

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        # A transaction that reads and then writes must hold the lock from its first statement, or two of them
        # would both read the old state.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
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
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def create_tables(engine: sql.Engine, *, version: int) -> None:
    """Creates the tables and writes the version beside them, unless another process was faster."""
    with engine.begin() as connection:
        _metadata.create_all(connection)
        known = connection.scalar(sql.select(documents.c.text).where(documents.c.name == "version"))
        if known is None:
            connection.execute(documents.insert().values(name="version", text=str(version)))


@contextmanager
def mendable(path: Path) -> Iterator[None]:
    """Turns errors of the disk and of the database into a ``StoreError`` that says how to mend them."""
    try:
        yield
    except (OSError, sqlite3.Error, sql.exc.SQLAlchemyError) as error:
        raise StoreError(f"{path}: {_mending(error)}") from error


def _mending(error: Exception) -> str:
    cause: Any = getattr(error, "orig", None) or error
    text = str(cause)
    number = getattr(cause, "errno", None)
    # SQLite calls a limit on the size of files an I/O error of the write.
    code = getattr(cause, "sqlite_errorname", "")
    if number in FULL or code in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}:
        return "the disk is full. Every finished trial is kept; make room and run the same command again."
    if number in {errno.EACCES, errno.EPERM, errno.EROFS} or code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return "cannot be written; expected a folder that you may write to. Change its rights or choose another --out."
    if number in {errno.ENOTDIR, errno.EEXIST}:
        return "cannot be a folder, since a file is in the way; remove that file or choose another --out."
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"is damaged ({text}); move it away, or restore it, and run the same command again."
    if code.startswith("SQLITE_BUSY"):
        return f"is locked by another program ({text}); end that program or wait, and run the same command again."
    return f"{text or type(cause).__name__}; run the same command again when this is mended."


def flush(folder: Path) -> None:
    """Every file below ``folder`` is on the disk before its row says that it is."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            flush_folder(path)
    flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """The names in a folder are on the disk."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
