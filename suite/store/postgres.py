"""The results database of a team: PostgreSQL, with the same tables and statements as SQLite.

The tables are in a schema of their own, ``suite``.  Who changes rows of a run holds its advisory lock until the
transaction ends, as a writer of SQLite holds its file; runs do not wait for each other, and nobody who only reads
waits.  A connection that is lost after it was there once is waited for.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import sqlalchemy as sql

from suite.errors import MissingExtraError, StoreError, install_line
from suite.store.address import EXPECTED, QUOTED, SUITE_STORE, Address, without_password
from suite.store.credentials import without_credentials
from suite.store.database import Clock, Database, documents, mendable

__all__ = ["PATIENCE_SECONDS", "PostgresDatabase", "open_postgres", "runs_of", "without_patience"]

PATIENCE_SECONDS = 600.0
"""How long a lost connection is waited for."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
CONNECT_SECONDS = 10
SETTINGS = (
    "SET search_path TO suite",
    # Otherwise a transaction would not see what was committed while it waited for its lock.
    "SET default_transaction_isolation TO 'read committed'",
    # A machine that loses its power keeps its lock no longer than this.
    "SET idle_in_transaction_session_timeout TO '60s'",
    "SET tcp_keepalives_idle TO 20",
    "SET tcp_keepalives_interval TO 5",
    "SET tcp_keepalives_count TO 4",
    "SET lock_timeout TO '120s'",
)
KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 40_000}
"""For this side: a network that swallows everything is noticed after 40 seconds."""
LOST = {"57P01", "57P02", "57P03", "57014", "53300", "40001", "40P01", "55P03", "25P03"}
"""Shut down, starting, too long, too many connections, and locks and transactions that ended: the same again may
succeed."""

T = TypeVar("T")
_most_patience: ContextVar[float] = ContextVar("most_patience", default=math.inf)
_reached: set[str] = set()
"""Databases that this process has been connected to: they were there, so they are waited for."""


def open_postgres(address: Address, *, read_only: bool) -> PostgresDatabase:
    """The rows of a run in a PostgreSQL database. Nothing is opened until it is first used.

    Raises:
        MissingExtraError: Where the driver is not installed.
        StoreError: Where the address cannot be understood.
    """
    line = install_line(("psycopg",), "postgres")
    if line is not None:
        raise MissingExtraError(f"--store: PostgreSQL needs the package psycopg: {line}")
    try:
        url = sql.make_url(address.url)
        engine = sql.create_engine(
            url,
            connect_args={
                # A plan that is made once for all parameters reads a whole run where a few ids are asked for.
                "prepare_threshold": None,
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "suite",
                "client_encoding": "utf8",
                **KEEPALIVE,
            },
            pool_pre_ping=False,
            execution_options={"postgresql_readonly": True} if read_only else {},
        )
    except (sql.exc.ArgumentError, ValueError):
        raise StoreError(f"--store: the address cannot be understood; expected {EXPECTED}, {QUOTED}") from None
    sql.event.listen(engine, "connect", _settle)
    return PostgresDatabase(engine, address, secret=url.password)


def _settle(connection: Any, _record: Any) -> None:
    """Session settings of a new connection; committed, or the end of a failed transaction would undo them."""
    with connection.cursor() as cursor:
        cursor.execute("; ".join(SETTINGS))  # one way there and back, since every command opens connections
    connection.commit()


class PostgresDatabase(Database):
    """The rows of one run in a database that others use too."""

    def __init__(self, engine: sql.Engine, address: Address, *, secret: str | None = None) -> None:
        super().__init__(engine, run=address.run, shown=address.shown)
        self.address = address
        self.patience_seconds = PATIENCE_SECONDS
        self._name = without_password(address.url)
        self._secrets = {text for one in (secret,) if one for text in (one, quote(one, safe=""), quote_plus(one))}

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[sql.Connection]:
        """A connection in a transaction; while it lasts nobody else changes rows of this run."""
        with self._begun(alone=True) as connection:
            yield connection

    def transact(
        self,
        work: Callable[[sql.Connection], T],
        *,
        patience_seconds: float | None = None,
        lasting: bool = True,
    ) -> T:
        """What ``work`` returns in a transaction; where the connection is lost, it is done again."""

        def once() -> T:
            with self._begun(alone=True) as connection:
                return work(connection)

        return self._patiently(once, patience_seconds)

    def read(self, work: Callable[[sql.Connection], T]) -> T:
        """What ``work`` returns, which only reads, without waiting for who writes."""

        def once() -> T:
            with self._begun(alone=False) as connection:
                return work(connection)

        return self._patiently(once, None)

    def clock(self, connection: sql.Connection) -> Clock:
        """The server's; while it was down nobody could write a heartbeat."""
        row = connection.execute(
            sql.text("SELECT extract(epoch FROM clock_timestamp()), extract(epoch FROM pg_postmaster_start_time())")
        ).one()
        return Clock(float(row[0]), float(row[1]))

    def is_made(self) -> bool:
        """Whether it has the suite's tables."""
        return self.rows(sql.text("SELECT to_regclass('suite.documents') IS NOT NULL"))[0][0] is True

    def make_room(self) -> None:
        """Makes the schema where it is missing.

        Raises:
            StoreError: Where the user may not, or the database cannot keep every letter.
        """
        encoding = self.rows(sql.text("SHOW server_encoding"))[0][0]
        if encoding != "UTF8":
            raise StoreError(
                f"{self.shown}: the database's encoding is {encoding}, which cannot keep every letter; make another: "
                "createdb --encoding=UTF8 --template=template0 NAME."
            )

        def make(connection: sql.Connection) -> None:
            connection.execute(_LOCK, {"key": _key("the schema")})
            if connection.scalar(sql.text("SELECT to_regnamespace('suite') IS NULL")):
                connection.execute(sql.text("CREATE SCHEMA suite"))

        self.transact(make)

    @contextmanager
    def whole(self) -> Iterator[sql.Connection]:
        """A transaction in which nobody else makes or changes tables."""
        with self._begun(alone=False) as connection:
            connection.execute(_LOCK, {"key": _key("the schema")})
            yield connection

    @contextmanager
    def _begun(self, *, alone: bool) -> Iterator[sql.Connection]:
        with mendable(self.shown, explain=self._explain), self.engine.begin() as connection:
            _reached.add(self._name)
            if alone:
                connection.execute(_LOCK, {"key": _key(f"run {self.run}")})
            yield connection

    def _patiently(self, once: Callable[[], T], patience_seconds: float | None) -> T:
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        patience = min(patience, _most_patience.get())
        began = time.monotonic()
        pause = FIRST_PAUSE_SECONDS
        told = False
        while True:
            try:
                found = once()
            except StoreError as error:
                waited = time.monotonic() - began
                if self._name not in _reached or waited + pause > patience or not _is_lost(error.__cause__):
                    raise
                if not told and waited > 1:
                    told = True
                    _tell(f"{self.shown}: the connection is lost; trying again for {patience / 60:.0f} minutes")
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                if told:
                    _tell(f"{self.shown}: connected again after {time.monotonic() - began:.0f} s")
                return found

    def _explain(self, error: Exception) -> str | None:
        cause: Any = getattr(error, "orig", None)
        if cause is None:
            return None
        code = getattr(cause, "sqlstate", None)
        said = self._masked(str(cause))
        if code == "42501":
            return (
                f"the user has not the right ({said}); give it: GRANT CREATE ON DATABASE … TO …, or where another user "
                "has made the schema suite, write as one role: docs/store.md, Several users."
            )
        if code == "25006":
            return (
                f"the server only lets read ({said}), as a standby does; give the address of the one that is written."
            )
        if code == "53100":
            return "the disk of the database server is full. Every finished trial is kept; make room and run again."
        if "authentication failed" in said or "no password supplied" in said or code in {"28P01", "28000"}:
            return (
                f"the server refuses the user ({said}); put the password into {SUITE_STORE}, PGPASSWORD or ~/.pgpass."
            )
        if code == "3D000" or ("database" in said and "does not exist" in said):
            return f"there is no such database ({said}); make it: createdb NAME."
        if _is_lost(error):
            return (
                f"the database cannot be reached ({said}); start it, or mend --store, and run the same command again."
            )
        return f"{said}; run the same command again when this is mended."

    def _masked(self, text: str) -> str:
        """The first line of what the driver says, with nothing of a password in it."""
        first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason is known")
        for secret in sorted(self._secrets, key=len, reverse=True):
            first = first.replace(secret, "***")
        return without_credentials(first).rstrip(".")


@contextmanager
def without_patience() -> Iterator[None]:
    """While it lasts, what is done in this thread does not wait for a lost connection: who asks will ask again."""
    before = _most_patience.set(0.0)
    try:
        yield
    finally:
        _most_patience.reset(before)


def runs_of(database: Database) -> list[str]:
    """The names of the runs in a database."""
    statement = sql.select(documents.c.run).where(documents.c.run != "").distinct().order_by(documents.c.run)
    return [row[0] for row in database.rows(statement)]


_LOCK = sql.text("SELECT pg_advisory_xact_lock(:key)")


def _key(what: str) -> int:
    """The number of a lock."""
    return int.from_bytes(hashlib.sha256(f"suite {what}".encode()).digest()[:8], "big", signed=True)


def _is_lost(error: BaseException | None) -> bool:
    """Whether the connection is gone, so that the same may succeed when it is back."""
    if not isinstance(error, sql.exc.DBAPIError):
        return False
    code = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (code is not None and (code[:2] == "08" or code in LOST)):
        return True
    return code is None and isinstance(error, sql.exc.OperationalError)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
