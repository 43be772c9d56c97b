"""A run to compare, from its folder or from the record that a published site keeps of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from suite.errors import StoreError, StoreVersionError
from suite.publish.record import RECORD_VERSION, EvidenceRecord, RunRecord, read_record
from suite.publish.recording import record_of_folder
from suite.store.address import address_of
from suite.store.records.result import Record

__all__ = ["Recorded", "evidence_beside", "read_run"]

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Recorded:
    """A run and what is kept of its scores."""

    record: RunRecord
    evidence: dict[str, EvidenceRecord]
    shown: str
    """What the reader called it."""


def read_run(place: Path, *, tell: Callable[[str], None] = lambda _: None) -> Recorded:
    """The run of a folder as it is stored now, or of a record file of a site with the evidence beside it.

    Args:
        place: The folder or the file.
        tell: Told what of a run is damaged, a sentence each.

    Raises:
        StoreError: Where there is neither, or it cannot be read; ``StoreVersionError`` where a newer suite wrote it.
    """
    if place.is_file():
        return _from_file(place)
    if not place.is_dir() and address_of(place) is None:
        raise StoreError(
            f"{place}: is not there; expected the folder of a run, such as reports/vision, or the record of one in a "
            "published site, such as data/runs/vision/NAME.json."
        )
    record, evidence = record_of_folder(place, tell=tell)
    return Recorded(record, evidence, str(place))


def evidence_beside(record: Path) -> Path:
    """Where a site keeps the evidence of ``data/runs/ADDRESS/POINT.json``: JSON of cell id to evidence."""
    address = record.absolute().parent
    return address.parent.parent / "evidence" / address.name / record.name


def _from_file(place: Path) -> Recorded:
    document = _document(place)
    version = document.get("record_version")
    if isinstance(version, int) and version > RECORD_VERSION:
        raise StoreVersionError(
            f"{place}: record version {version}, written by a newer suite; this one reads up to version "
            f"{RECORD_VERSION}. Update the suite."
        )
    record = _validated(read_record, document, place)
    beside = evidence_beside(place)
    kept = _document(beside) if beside.is_file() else {}
    evidence = {name: _validated(EvidenceRecord.model_validate, one, beside) for name, one in kept.items()}
    return Recorded(record, evidence, str(place))


def _validated(read: Callable[[Any], R], document: Any, place: Path) -> R:
    try:
        return read(document)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its content"
        raise StoreError(f"{place}: is not what a site keeps of a run: {where}: {first['msg']}.") from error


def _document(place: Path) -> dict[str, Any]:
    """JSON of an object whose numbers are numbers."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        json.dumps(found, allow_nan=False)
    except OSError as error:
        raise StoreError(f"{place}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{place}: is no JSON that can be read ({error}); publish the site again.") from error
    if not isinstance(found, dict):
        raise StoreError(f"{place}: expected the record of a run, a JSON object; got {type(found).__name__}.")
    return found
