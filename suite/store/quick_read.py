"""The state of a store, read with the standard library alone."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from suite.store.address import DATABASE, address_of
from suite.store.reader import Stored
from suite.store.state import STORE_VERSION, Glance, check_version, documents_of, entries_of
from suite.store.store import open_store

__all__ = ["glance", "stored_texts"]


def glance(out: Path) -> Glance:
    """The state of the store in ``out``; empty where there is none.

    Raises:
        StoreError: When it cannot be read or reached, ``StoreVersionError`` when a newer suite wrote it.
    """
    path = out / "store" / DATABASE
    if not path.is_file():
        return _glance_shared(out)
    try:
        with _reading(path) as file:
            if _is_empty(file):
                return Glance({}, {})
            documents = documents_of(file.execute("SELECT name, text FROM documents"))
            rows = file.execute("SELECT id, cell_id, phase, status, sequence, total_seconds FROM results").fetchall()
            numbers = _exports(file, "sequence")
    except sqlite3.Error:
        # The slower way knows read-only folders and says what is wrong.
        with open_store(out, create=False) as store:
            return Glance(store.entries(), store.documents(), store.export_numbers())
    check_version(documents.get("version"), path)
    return Glance(entries_of(rows), documents, tuple(numbers))


def stored_texts(out: Path) -> list[str]:
    """Every stored result by its id, then every card of an exported file, as they were written.

    Raises:
        StoreError: When they cannot be read.
    """
    path = out / "store" / DATABASE
    try:
        with _reading(path) as file:
            stored = file.execute("SELECT document FROM results ORDER BY id").fetchall()
            return [str(row[0]) for row in stored] + sorted(map(str, _exports(file, "document")))
    except sqlite3.Error:
        with open_store(out, create=False) as store:
            return store.texts()


def _reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """Closing, not only committing: an open reader would keep the write-ahead file from being emptied."""
    return contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60))


def _is_empty(file: sqlite3.Connection) -> bool:
    """Whether it has no table at all: what a full disk left when it was being made."""
    return not file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _exports(file: sqlite3.Connection, column: str) -> list[Any]:
    """A column of the table of exported files; stores that were made before there were any have none."""
    if not file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'exports'").fetchone()[0]:
        return []
    return [row[0] for row in file.execute(f"SELECT {column} FROM exports ORDER BY sequence")]  # noqa: S608 - ours


def _glance_shared(out: Path) -> Glance:
    """The state of a run in a team's database; empty where it is in none, or there is nothing of it."""
    address = address_of(out)
    if address is None:
        return Glance({}, {})
    from suite.store.postgres import open_postgres

    with Stored(out, address.files(out), open_postgres(address, read_only=True)) as store:
        if not store.database.is_made():
            return Glance({}, {})
        if check_version(store.database.version(), address.shown) < STORE_VERSION:
            return Glance({}, {})  # nobody has a run in it yet: its first version was in files only
        return Glance(store.entries(), store.documents(), store.export_numbers())
