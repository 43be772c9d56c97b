"""The state of a store, read with the standard library alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from suite.errors import StoreError, StoreVersionError
from suite.store.address import DATABASE, address_of
from suite.store.records.result import Phase, Status
from suite.version import __version__

__all__ = [
    "DATABASE",
    "STORE_VERSION",
    "Entry",
    "Glance",
    "check_version",
    "documents_of",
    "entries_of",
    "glance",
    "spec_of",
    "stored_texts",
]

STORE_VERSION = 2
"""1 had no column ``run``; it is read as it is, and migrated when it is first written."""


@dataclass(frozen=True)
class Entry:
    """What is known of a stored trial without reading its result."""

    id: str
    cell_id: str
    phase: Phase
    status: Status
    sequence: int
    """Grows with every save; a rerun has another number than what it replaced."""
    seconds: float | None = None
    """Wall seconds in its worker; None where they were not recorded."""


@dataclass(frozen=True)
class Glance:
    """The state of a store, read without SQLAlchemy: what a finished run needs to say that it is finished."""

    entries: Mapping[str, Entry]
    """By trial id."""
    documents: Mapping[str, str]
    """Spec and plan as they were last run, as text."""
    exports: tuple[int, ...] = ()
    """Numbers of the exported files, which grow with every save."""


def entries_of(rows: Iterable[Sequence[Any]]) -> dict[str, Entry]:
    """Entries from rows of their fields, by trial id; a field that is damaged says the least, a row without id none."""
    found: dict[str, Entry] = {}
    for name, cell_id, phase, status, sequence, seconds in rows:
        if isinstance(name, str) and isinstance(sequence, int):
            found[name] = Entry(
                name,
                cell_id if isinstance(cell_id, str) else "",
                phase if phase in get_args(Phase) else "final",
                status if status in get_args(Status) else "failed",
                sequence,
                seconds if isinstance(seconds, float | int) else None,
            )
    return found


def documents_of(rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """The texts beside the results, by name, as far as they are texts."""
    return {row[0]: row[1] for row in rows if isinstance(row[0], str) and isinstance(row[1], str)}


def spec_of(documents: Mapping[str, str]) -> dict[str, Any]:
    """The stored spec as it was written; empty where there is none, or it is damaged."""
    try:
        found = json.loads(documents.get("spec", "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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
        from suite.store.store import open_store

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
        from suite.store.store import open_store

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
    from suite.store.reader import Stored

    with Stored(out, address.files(out), open_postgres(address, read_only=True)) as store:
        if not store.database.is_made():
            return Glance({}, {})
        if check_version(store.database.version(), address.shown) < STORE_VERSION:
            return Glance({}, {})  # nobody has a run in it yet: its first version was in files only
        return Glance(store.entries(), store.documents(), store.export_numbers())


def check_version(found: str | None, path: Path | str) -> int:
    """The version of a database; refused where a newer suite wrote it, or where it is none of the suite's.

    Raises:
        StoreError: Where it is no results database; ``StoreVersionError`` where it is newer.
    """
    if found is None or not found.isdecimal():
        raise StoreError(f"{path}: is no results database of the suite; move it away or choose another --out.")
    if int(found) > STORE_VERSION:
        raise StoreVersionError(
            f"{path}: store version {found}, written by a newer suite; suite {__version__} reads up to "
            f"version {STORE_VERSION}. Update the suite, or choose another --out."
        )
    return int(found)
