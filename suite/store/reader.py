"""What is stored of a run, read from its database and its folders."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from suite.errors import StoreError, StoreVersionError
from suite.store.records.export_card import ExportCard
from suite.store.records.result import FORMAT_VERSION, Result, Status
from suite.store.records.validation import first_complaint, kind_of
from suite.store.remote_files import is_inside
from suite.store.state import Entry, documents_of, entries_of

if TYPE_CHECKING:
    import sqlalchemy as sql

    from suite.store.database import Clock, Database
    from suite.store.records.export_card import ExportCard

__all__ = ["FEW", "PLACE", "Stored", "strict_json"]

T = TypeVar("T")
PLACE = "place"
"""The file that names a folder of artefacts: a row of a team's database says in which of them its files are."""
FEW = 500
"""So many ids at most go into one statement."""
DESCRIBED = ("cell_id", "phase", "seed", "model", "dataset", "strategy")
"""Columns that say which trial a result is of, also where its document is damaged."""


class Stored:
    """An open store that is read. Use it as a context manager, or call ``close``."""

    def __init__(self, out: Path, folder: Path, database: Database) -> None:
        self.out = out
        """The folder of the run."""
        self.folder = folder
        """The folder of its artefacts, and of what is being written."""
        self.database = database
        self._elsewhere: set[str] = set()
        self._damaged: dict[str, str] = {}
        self._damaged_exports: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection."""
        self.database.close()

    @property
    def damage(self) -> tuple[str, ...]:
        """What could not be read so far, and how it is mended, a sentence each; the rest was read."""
        return (*self._damaged.values(), *self._damaged_exports.values())

    @property
    def damaged_trials(self) -> tuple[str, ...]:
        """Ids of trials whose results could not be read so far."""
        return tuple(self._damaged)

    @property
    def shown(self) -> str:
        """Where its results are, for messages."""
        return self.database.shown

    @property
    def place(self) -> str:
        """The name of the folder of its artefacts; empty where there is only one such folder."""
        if not self.database.run:
            return ""
        try:
            return (self.folder / PLACE).read_text(encoding="utf-8").strip()
        except OSError:
            return "none"

    # The database

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sql.Connection]:
        """A connection in a transaction. Errors become ``StoreError``."""
        with self.database.transaction() as connection:
            yield connection

    def transact(
        self, work: Callable[[sql.Connection], T], *, patience_seconds: float | None = None, lasting: bool = True
    ) -> T:
        """What ``work`` returns in a transaction; see ``suite.store.database.Database.transact``."""
        return self.database.transact(work, patience_seconds=patience_seconds, lasting=lasting)

    def read(self, work: Callable[[sql.Connection], T]) -> T:
        """What ``work`` returns, which only reads; see ``suite.store.database.Database.read``."""
        return self.database.read(work)

    def rows(self, statement: sql.Executable) -> Sequence[Any]:
        """What a statement that only reads finds."""
        return self.database.rows(statement)

    def own(self, table: sql.Table) -> sql.ColumnElement[bool]:
        """That a row is of this run."""
        return self.database.own(table)

    def clock(self, connection: sql.Connection) -> Clock:
        """The time by which heartbeats are judged."""
        return self.database.clock(connection)

    # Files

    def trial_folder(self, trial_id: str) -> Path:
        """Where the artefacts of a finished trial are."""
        return self.folder / "trials" / trial_id

    def artefact(self, result: Result, name: str) -> Path | None:
        """The path of one artefact, for instance ``predictions/test``; None where the trial has none, or not here.

        Nor where a stored name leads out of the trial's folder: reading a run opens no other file.
        """
        file = result.artefacts.get(name)
        here = file is not None and is_inside(file) and not self.is_elsewhere(result.id)
        return self.trial_folder(result.id) / file if file and here else None

    def is_elsewhere(self, trial_id: str) -> bool:
        """Whether the files of a result that was read are in another folder, on the machine that it was made on."""
        return trial_id in self._elsewhere

    # Results

    def statuses(self, ids: Iterable[str] | None = None) -> dict[str, Status]:
        """Trial id to status; of all stored trials, or of those of ``ids`` that are stored."""
        entries = self.entries()
        wanted = entries if ids is None else [trial_id for trial_id in ids if trial_id in entries]
        return {trial_id: entries[trial_id].status for trial_id in wanted}

    def entries(self) -> dict[str, Entry]:
        """What is known of each stored trial without reading its result, by id, in the order of saving."""
        wanted = ("id", "cell_id", "phase", "status", "sequence", "total_seconds")
        return entries_of(self._columns(*wanted))

    def durations(self) -> dict[str, float]:
        """Wall seconds of the trials that are done, by id."""
        rows = self._columns("id", "status", "total_seconds")
        return {row[0]: row[2] for row in rows if row[1] == "done" and row[2] is not None}

    def selections(self) -> dict[str, float | None]:
        """What decides whose model of a cell is kept, by trial id, higher is better; None where it is not known."""
        return {row[0]: row[1] for row in self._columns("id", "selection")}

    def ends(self) -> list[str]:
        """When each trial ended, ISO 8601; empty where it is not known."""
        return [row[0] for row in self._columns("finished_at") if isinstance(row[0], str)]

    def texts(self) -> list[str]:
        """Every result by its id, then every card of an exported file, as they were written."""
        found = [text for _, text in sorted((str(row[0]), str(row[1])) for row in self._columns("id", "document"))]
        return [*found, *sorted(str(text) for _, text in self._export_rows())]

    def load(self, trial_id: str) -> Result | None:
        """The result of one trial, or None where it is not stored."""
        return next(iter(self.query(ids=(trial_id,))), None)

    def query(
        self, *, ids: Iterable[str] | None = None, limit: int | None = None, **equal: str | int | None
    ) -> list[Result]:
        """Results in the order in which they were saved; one that is damaged comes as a failed one that says so.

        Args:
            ids: Only these trials.
            limit: At most so many.
            equal: Columns and the value that they must have: ``cell_id``, ``status``, ``phase``, ``seed``,
                ``model``, ``dataset``, ``strategy``. None means any.

        Raises:
            StoreVersionError: When a newer suite wrote one; StoreError when the database cannot be used.
        """
        import sqlalchemy as sql

        from suite.store.database import results

        columns = [results.c[name] for name in ("id", "document", "place", *DESCRIBED)]
        statement = sql.select(*columns).where(self.own(results))
        statement = statement.order_by(results.c.sequence).limit(limit)
        for column, value in equal.items():
            if value is not None:
                statement = statement.where(results.c[column] == value)
        wanted = None if ids is None else set(ids)
        if wanted is not None and len(wanted) <= FEW:
            statement = statement.where(results.c.id.in_(wanted))
        rows = [row for row in self.rows(statement) if wanted is None or row[0] in wanted]
        self._note_places((row[0], row[2]) for row in rows)
        return [self._read(row) for row in rows if isinstance(row[0], str)]

    def _columns(self, *names: str) -> Sequence[Any]:
        import sqlalchemy as sql

        from suite.store.database import results

        columns = tuple(results.c[name] for name in names)
        return self.rows(sql.select(*columns).where(self.own(results)).order_by(results.c.sequence))

    def _note_places(self, found: Iterable[tuple[str, str]]) -> None:
        mine = self.place
        for trial_id, place in found:
            (self._elsewhere.discard if place == mine else self._elsewhere.add)(trial_id)

    def _read(self, row: Sequence[Any]) -> Result:
        """The result in a row of id, document, place and ``DESCRIBED``."""
        try:
            return self.parse(row[0], row[1])
        except StoreVersionError:
            raise
        except StoreError as error:
            entry = entries_of([(row[0], row[3], row[4], "failed", 0, None)])[row[0]]
            names = [one if isinstance(one, str) else "?" for one in row[6:]]
            self._damaged[row[0]] = str(error)
            return Result(
                id=row[0],
                cell_id=entry.cell_id,
                status="failed",
                reason=str(error),
                trial={},
                phase=entry.phase,
                seed=row[5] if isinstance(row[5], int) else 0,
                model=names[0],
                dataset=names[1],
                strategy=names[2],
            )

    def parse(self, trial_id: str, document: Any) -> Result:
        """A result from its stored text.

        Raises:
            StoreError: Where it is damaged; ``StoreVersionError`` where a newer suite wrote it.
        """
        try:
            found = strict_json(document)["format_version"]
            if found > FORMAT_VERSION:
                raise StoreVersionError(
                    f"{self.shown}: result {trial_id} has format version {found}, written by a newer suite; this "
                    f"one reads up to version {FORMAT_VERSION}. Update the suite."
                )
            result = Result.model_validate_json(document)
            if result.id != trial_id:
                raise ValueError("it is of another trial")  # noqa: TRY301 - damaged like any other
            _require_trial(result.trial)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreError(
                f"{self.shown}: the result of trial {trial_id} is damaged ({first_complaint(error)}); the same "
                "'suite run' makes it again."
            ) from error
        return result

    # What is kept beside them

    def documents(self) -> dict[str, str]:
        """The texts kept beside the results, by name: ``spec``, ``plan``, and the ``version`` of the database."""
        import sqlalchemy as sql

        from suite.store.database import documents

        # The run's own last: it goes before what is of the whole database.
        own = documents.c.run.in_(("", self.database.run))
        rows = self.rows(sql.select(documents.c.name, documents.c.text).where(own).order_by(documents.c.run))
        return documents_of(rows)

    def exports(self) -> list[ExportCard]:
        """The cards of exported files, in the order in which they were saved; damaged ones are left out."""
        cards = []
        for number, text in self._export_rows():
            try:
                cards.append(ExportCard.model_validate_json(text))
            except ValueError as error:
                self._damaged_exports[number] = (
                    f"{self.shown}: what is known of an exported file is damaged ({first_complaint(error)}); export it "
                    "again."
                )
        return cards

    def export_numbers(self) -> tuple[int, ...]:
        """Numbers of the exported files; a file that is exported again gets another."""
        return tuple(number for number, _ in self._export_rows())

    def _export_rows(self) -> list[tuple[int, str]]:
        import sqlalchemy as sql

        from suite.store.database import exports

        statement = sql.select(exports.c.sequence, exports.c.document).where(self.own(exports))
        return [(row[0], row[1]) for row in self.rows(statement.order_by(exports.c.sequence))]


def _require_trial(trial: dict[str, Any]) -> None:
    """Raises ``ValueError`` where a trial's JSON, which is kept as it came, has a part of another kind."""
    for name in ("candidate", "search", "training", "strategy", "model", "dataset"):
        if not isinstance(trial.get(name), dict | None):
            raise ValueError(f"trial.{name} is {kind_of(trial[name])}")  # noqa: TRY004 - damage, not a mistake in a call
    epochs = (trial.get("training") or {}).get("epochs", 1)
    if not isinstance(epochs, int):
        raise ValueError("trial.training.epochs is no number")  # noqa: TRY004


def strict_json(document: str | bytes) -> Any:
    """The value of a JSON text in which every number is one that a float holds.

    Raises:
        ValueError: Where it is no JSON, or has another number.
    """
    return json.loads(document, parse_constant=_refuse, parse_float=_finite, parse_int=_held)


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _held(digits: str) -> int:
    if len(digits) > sys.float_info.max_10_exp:
        raise ValueError(f"a number of {len(digits)} digits, which no float holds")
    return int(digits)
