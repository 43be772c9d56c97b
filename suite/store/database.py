"""The results database: its tables, its version, how it is opened and how its errors are told.

SQLite in write-ahead mode, so that a report may be rebuilt while a run writes.  The statements are
SQLAlchemy Core and portable; what belongs to SQLite alone is in ``suite.store.sqlite``, what belongs to PostgreSQL in
``suite.store.postgres``.

Every row says of which run it is.  A file of SQLite holds one run, whose name is empty, so that its folder may be
renamed and copied; a database of PostgreSQL holds those of a team.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sql

from suite.errors import StoreError
from suite.store.credentials import without_credentials

__all__ = [
    "FULL",
    "METADATA",
    "Clock",
    "Database",
    "claims",
    "create_tables",
    "documents",
    "exports",
    "flush",
    "flush_folder",
    "mendable",
    "results",
]

# An interrupt while a connection is closed is raised all the same; what its pool logs of it would be a traceback.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a disk, a quota or a limit on the size of files answers when it is reached."""

NO_ROOM = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE"}
"""What SQLite says of the same: of some of its files it only says that they could not be written or made longer."""

T = TypeVar("T")
METADATA = sql.MetaData()
_Number = sql.BigInteger().with_variant(sql.Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of the type INTEGER."""


def _run() -> sql.Column[str]:
    # The default is the database's own, so that a process of an older suite may end its work on a migrated file.
    return sql.Column("run", sql.String(128), nullable=False, server_default="")


results = sql.Table(
    "results",
    METADATA,
    # Saved later, numbered higher: a number is never used twice, so that a rerun can be told from what it replaced.
    sql.Column("sequence", _Number, primary_key=True, autoincrement=True),
    _run(),
    sql.Column("id", sql.String(64), nullable=False),
    sql.Column("cell_id", sql.String(64), nullable=False),
    sql.Column("status", sql.String(16), nullable=False),
    sql.Column("phase", sql.String(16), nullable=False),
    sql.Column("seed", _Number, nullable=False),
    sql.Column("model", sql.String, nullable=False),
    sql.Column("dataset", sql.String, nullable=False),
    sql.Column("strategy", sql.String, nullable=False),
    sql.Column("finished_at", sql.String(40), nullable=False),
    sql.Column("total_seconds", sql.Float),
    sql.Column("selection", sql.Float),
    sql.Column("has_model", sql.Boolean, nullable=False, default=False),
    # Which folder has its files: see ``suite.store.reader.Stored.is_elsewhere``.
    sql.Column("place", sql.String(32), nullable=False, server_default=""),
    sql.Column("document", sql.Text, nullable=False),
    sql.UniqueConstraint("run", "id", name="results_run_id"),
    sql.Index("results_run_cell_id", "run", "cell_id"),
    sql.Index("results_run_sequence", "run", "sequence"),
    sqlite_autoincrement=True,
)
documents = sql.Table(
    "documents",
    METADATA,
    sql.Column("run", sql.String(128), primary_key=True, server_default=""),
    sql.Column("name", sql.String(32), primary_key=True),
    sql.Column("text", sql.Text, nullable=False),
)
"""Texts beside the results; the version of the whole database is that of the run without a name."""
exports = sql.Table(
    "exports",
    METADATA,
    sql.Column("sequence", _Number, primary_key=True, autoincrement=True),
    _run(),
    sql.Column("trial_id", sql.String(64), nullable=False),
    sql.Column("cell_id", sql.String(64), nullable=False),
    sql.Column("format", sql.String(64), nullable=False),
    sql.Column("precision", sql.String(16), nullable=False),
    sql.Column("status", sql.String(16), nullable=False),
    sql.Column("document", sql.Text, nullable=False),
    sql.UniqueConstraint("run", "trial_id", "format", "precision", name="exports_run_file"),
    sqlite_autoincrement=True,
)
"""One row for each exported file."""
claims = sql.Table(
    "claims",
    METADATA,
    sql.Column("run", sql.String(128), primary_key=True, server_default=""),
    sql.Column("trial_id", sql.String(64), primary_key=True),
    sql.Column("owner", sql.String(128), nullable=False),
    sql.Column("heartbeat", sql.Double, nullable=False),
)


@dataclass(frozen=True)
class Clock:
    """The time by which heartbeats are written and judged; Unix seconds."""

    now: float
    up_since: float = 0.0
    """Before this nobody could write a heartbeat."""


class Database:
    """The rows of one run in an open database."""

    def __init__(self, engine: sql.Engine, *, run: str, shown: str) -> None:
        self.engine = engine
        self.run = run
        self.shown = shown
        """Where it is, for messages."""

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[sql.Connection]:
        """A connection in a transaction; while it lasts nobody else changes rows of this run.

        Args:
            lasting: Whether it must outlast a power failure of this machine. Every transaction outlasts its process.

        Raises:
            StoreError: When the database cannot be used.
        """
        engine = self.engine if lasting else self.engine.execution_options(lasting=False)
        with mendable(self.shown), engine.begin() as connection:
            yield connection

    def transact(
        self, work: Callable[[sql.Connection], T], *, patience_seconds: float | None = None, lasting: bool = True
    ) -> T:
        """What ``work`` returns in a transaction of its own; a lost connection is waited for, where there is one.

        Args:
            work: Done again from its beginning where the connection was lost, perhaps after it was committed.
            patience_seconds: How long at most; the database's own where it is left out.
            lasting: See ``transaction``; a database of several machines makes every one lasting.

        Raises:
            StoreError: When the database cannot be used.
        """
        with self.transaction(lasting=lasting) as connection:
            return work(connection)

    def read(self, work: Callable[[sql.Connection], T]) -> T:
        """What ``work`` returns, which only reads: nobody waits for it, and a lost connection is waited for."""
        return self.transact(work)

    def rows(self, statement: sql.Executable) -> Sequence[Any]:
        """What a statement that only reads finds."""
        return self.read(lambda connection: connection.execute(statement).all())

    def own(self, table: sql.Table) -> sql.ColumnElement[bool]:
        """That a row is of this run."""
        return table.c.run == self.run

    def clock(self, connection: sql.Connection) -> Clock:
        """One for all machines where the database has one."""
        return Clock(time.time())

    def is_made(self) -> bool:
        """Whether it has the suite's tables."""
        with self.transaction() as connection:
            return bool(sql.inspect(connection).has_table("documents"))

    def is_empty(self) -> bool:
        """Whether it has no table at all, nobody's."""
        with self.transaction() as connection:
            return not sql.inspect(connection).get_table_names()

    def version(self) -> str | None:
        """Of its tables, as it is written in them; None where it is not."""
        found = [row[0] for row in self.rows(sql.text("SELECT text FROM documents WHERE name = 'version'"))]
        return max(found, key=lambda text: (text.isdecimal(), len(text), text), default=None)


def create_tables(connection: sql.Connection, *, version: int) -> None:
    """Creates the tables and writes the version beside them, unless another process was faster."""
    METADATA.create_all(connection)
    known = connection.scalar(sql.select(documents.c.text).where(documents.c.run == "", documents.c.name == "version"))
    if known is None:
        connection.execute(documents.insert().values(run="", name="version", text=str(version)))
        # Alembic's own table and number, without importing it: a migration goes on from here.
        number = sql.Column("version_num", sql.String(32), nullable=False)
        key = sql.PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
        stamp = sql.Table("alembic_version", sql.MetaData(), number, key)
        stamp.create(connection)
        connection.execute(stamp.insert().values(version_num=str(version)))


@contextmanager
def mendable(path: Path | str, *, explain: Callable[[Exception], str | None] = lambda _: None) -> Iterator[None]:
    """Turns errors of the disk and of the database into a ``StoreError`` that says how to mend them.

    Args:
        path: Where it is.
        explain: What is wrong in words, asked first; None where it does not know.
    """
    try:
        yield
    except (OSError, sqlite3.Error, sql.exc.SQLAlchemyError) as error:
        said = explain(error) or _mending(error)
        raise StoreError(f"{path}: {said}") from error


def _mending(error: Exception) -> str:
    cause: Any = getattr(error, "orig", None) or error
    text = without_credentials(str(cause))
    number = getattr(cause, "errno", None)
    code = getattr(cause, "sqlite_errorname", "")
    if number in FULL or code in NO_ROOM:
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
