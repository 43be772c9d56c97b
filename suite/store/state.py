"""The state of a store as records: which trials it holds, the documents beside them, and of which version it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from suite.errors import StoreError, StoreVersionError
from suite.store.records.result import Phase, Status
from suite.version import __version__

__all__ = ["STORE_VERSION", "Entry", "Glance", "check_version", "documents_of", "entries_of", "spec_of"]

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
