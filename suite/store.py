"""Results database and artefact folders: save, load, query, resume.

``<out>/store/results.sqlite`` has one row per finished trial, ``<out>/store/trials/<id>/`` its files
(predictions, log, model), and ``<out>/store/tmp/`` what running trials write.  A trial's folder is renamed into
place before its row is committed; a crash in between leaves a folder without a row, which the next run removes.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from suite.errors import StoreError, StoreVersionError
from suite.glance import DATABASE, STORE_VERSION, Entry, Glance, check_version, glance
from suite.results import FORMAT_VERSION, Result, Status

if TYPE_CHECKING:
    import sqlalchemy as sql

    from suite.exported import ExportCard

__all__ = ["MODEL", "STORE_VERSION", "Entry", "Glance", "Store", "glance", "open_store"]

MODEL = "model"
"""Name of the adapted model among a result's artefacts."""


def open_store(out: Path, *, create: bool = True) -> Store:
    """Opens the store of a run for writing, or for reading only where ``create`` is False.

    Args:
        out: The folder of the run, for instance ``reports/vision``.
        create: Make the folder and the database where they are missing, and allow writing.

    Raises:
        StoreError: When there is none to read, or it cannot be written; ``StoreVersionError`` when it is newer.
    """
    from suite.database import create_tables, mendable, open_engine

    folder = out / "store"
    path = folder / DATABASE
    if not create and not path.is_file():
        raise StoreError(f"{out}: has no results yet; expected {path}. Run a spec first: suite run SPEC.")
    with mendable(out):
        if create:
            (folder / "trials").mkdir(parents=True, exist_ok=True)
            (folder / "tmp").mkdir(exist_ok=True)
            _try_writing(folder / "tmp")
    store = Store(folder, open_engine(path, read_only=not create))
    with mendable(path):
        fresh = not store.has_tables()
        if fresh and create:
            create_tables(store.engine, version=STORE_VERSION)
        check_version(None if fresh and not create else store.documents().get("version"), path)
    return store


class Store:
    """An open results database with its folders. Use it as a context manager, or call ``close``."""

    def __init__(self, folder: Path, engine: sql.Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.path = folder / DATABASE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sql.Connection]:
        """A connection in a transaction. Errors become ``StoreError``."""
        from suite.database import mendable

        with mendable(self.path), self.engine.begin() as connection:
            yield connection

    def trial_folder(self, trial_id: str) -> Path:
        """Where the artefacts of a finished trial are."""
        return self.folder / "trials" / trial_id

    def artefact(self, result: Result, name: str) -> Path | None:
        """The path of one artefact, for instance ``predictions/test``; None where the trial has none."""
        file = result.artefacts.get(name)
        return self.trial_folder(result.id) / file if file else None

    # Reading

    def has_tables(self) -> bool:
        """Whether the database was initialised."""
        import sqlalchemy as sql

        with self.transaction() as connection:
            return bool(sql.inspect(connection).has_table("documents"))

    def statuses(self, ids: Iterable[str] | None = None) -> dict[str, Status]:
        """Trial id to status; of all stored trials, or of those of ``ids`` that are stored."""
        entries = self.entries()
        wanted = entries if ids is None else [trial_id for trial_id in ids if trial_id in entries]
        return {trial_id: entries[trial_id].status for trial_id in wanted}

    def entries(self) -> dict[str, Entry]:
        """What is known of each stored trial without reading its result, by id, in the order of saving."""
        import sqlalchemy as sql

        from suite.database import results

        wanted = ("id", "cell_id", "phase", "status", "sequence", "total_seconds")
        columns = tuple(results.c[name] for name in wanted)
        with self.transaction() as connection:
            rows = connection.execute(sql.select(*columns).order_by(results.c.sequence)).all()
        return {row[0]: Entry(*row) for row in rows}

    def durations(self) -> dict[str, float]:
        """Wall seconds of the trials that are done, by id."""
        import sqlalchemy as sql

        from suite.database import results

        known = sql.and_(results.c.status == "done", results.c.total_seconds.is_not(None))
        with self.transaction() as connection:
            rows = connection.execute(sql.select(results.c.id, results.c.total_seconds).where(known)).all()
        return {row[0]: row[1] for row in rows}

    def selections(self) -> dict[str, float | None]:
        """What decides whose model of a cell is kept, by trial id, higher is better; None where it is not known."""
        import sqlalchemy as sql

        from suite.database import results

        with self.transaction() as connection:
            rows = connection.execute(sql.select(results.c.id, results.c.selection)).all()
        return {row[0]: row[1] for row in rows}

    def load(self, trial_id: str) -> Result | None:
        """The result of one trial, or None where it is not stored."""
        return next(iter(self.query(ids=(trial_id,))), None)

    def query(
        self, *, ids: Iterable[str] | None = None, limit: int | None = None, **equal: str | int | None
    ) -> list[Result]:
        """Results in the order in which they were saved.

        Args:
            ids: Only these trials.
            limit: At most so many.
            equal: Columns and the value that they must have: ``cell_id``, ``status``, ``phase``, ``seed``,
                ``model``, ``dataset``, ``strategy``. None means any.

        Raises:
            StoreError: When a stored result cannot be read; ``StoreVersionError`` when a newer suite wrote it.
        """
        import sqlalchemy as sql

        from suite.database import results

        statement = sql.select(results.c.id, results.c.document).order_by(results.c.sequence).limit(limit)
        for column, value in equal.items():
            if value is not None:
                statement = statement.where(results.c[column] == value)
        wanted = None if ids is None else set(ids)
        if wanted is not None and len(wanted) <= 500:
            statement = statement.where(results.c.id.in_(wanted))
        with self.transaction() as connection:
            rows = connection.execute(statement).all()
        return [self._read(row[0], row[1]) for row in rows if wanted is None or row[0] in wanted]

    def _read(self, trial_id: str, document: str) -> Result:
        try:
            found = json.loads(document)["format_version"]
            if found > FORMAT_VERSION:
                raise StoreVersionError(
                    f"{self.path}: result {trial_id} has format version {found}, written by a newer suite; this "
                    f"one reads up to version {FORMAT_VERSION}. Update the suite."
                )
            return Result.model_validate_json(document)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path}: result {trial_id} cannot be read; run with --redo all.") from error

    def documents(self) -> dict[str, str]:
        """The texts kept beside the results, by name: ``spec``, ``plan``."""
        import sqlalchemy as sql

        from suite.database import documents

        with self.transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(sql.select(documents.c.name, documents.c.text))}

    def texts(self) -> list[str]:
        """Every result by its id, then every card of an exported file, as they were written."""
        import sqlalchemy as sql

        from suite.database import results

        with self.transaction() as connection:
            found = connection.execute(sql.select(results.c.document).order_by(results.c.id)).scalars().all()
        return [*found, *sorted(text for _, text in self._export_rows())]

    def exports(self) -> list[ExportCard]:
        """The cards of exported files, in the order in which they were saved."""
        from suite.exported import ExportCard

        try:
            return [ExportCard.model_validate_json(text) for _, text in self._export_rows()]
        except ValueError as error:
            raise StoreError(f"{self.path}: an exported file's row cannot be read; export it again.") from error

    def export_numbers(self) -> tuple[int, ...]:
        """Numbers of the exported files; a file that is exported again gets another."""
        return tuple(number for number, _ in self._export_rows())

    def _export_rows(self) -> list[tuple[int, str]]:
        import sqlalchemy as sql

        from suite.database import exports

        with self.transaction() as connection:
            if not sql.inspect(connection).has_table("exports"):
                return []
            rows = connection.execute(sql.select(exports.c.sequence, exports.c.document).order_by(exports.c.sequence))
            return [(row[0], row[1]) for row in rows]

    # Writing

    def save_export(self, card: ExportCard) -> None:
        """Keeps what is known of an exported file; replaces the row of its trial, format and precision."""
        from suite.database import exports

        identity = {"trial_id": card.trial_id, "format": card.format, "precision": card.precision}
        same = [exports.c[name] == value for name, value in identity.items()]
        with self.transaction() as connection:
            exports.create(connection, checkfirst=True)
            connection.execute(exports.delete().where(*same))
            document = card.model_dump_json()
            values = {**identity, "cell_id": card.cell_id, "status": card.status, "document": document}
            connection.execute(exports.insert().values(**values))

    def save_document(self, name: str, text: str) -> None:
        """Keeps a text beside the results; replaces the one of that name."""
        from suite.database import documents

        with self.transaction() as connection:
            connection.execute(documents.delete().where(documents.c.name == name))
            connection.execute(documents.insert().values(name=name, text=text))

    def save(self, result: Result, artefacts: Path | None = None, *, selection: float | None = None) -> Result:
        """Stores a result, and its files by renaming the folder ``artefacts`` into place.

        Args:
            result: Replaces a stored result of the same id.
            artefacts: A folder on the store's file system; it is gone afterwards.
            selection: The validation score that decides which model of a cell is kept, higher is better.
                A model among the artefacts is kept only while it is the best of its cell.

        Returns:
            The result as it was stored: without the model where a better one is kept.

        Raises:
            StoreError: When the disk is full or cannot be written. What was stored before stays stored.
        """
        from suite.database import flush, flush_folder, mendable

        with mendable(self.folder):
            self.delete((result.id,))
            if artefacts is not None and artefacts.is_dir():
                flush(artefacts)
                artefacts.rename(self.trial_folder(result.id))
                flush_folder(self.folder / "trials")
            with self.transaction() as connection:
                result, losers = self._keep_best_model(connection, result, selection)
                connection.execute(_insertion(result, selection))
        for trial_id, file in losers:
            (self.trial_folder(trial_id) / file).unlink(missing_ok=True)
        return result

    def _keep_best_model(
        self, connection: sql.Connection, result: Result, selection: float | None
    ) -> tuple[Result, list[tuple[str, str]]]:
        """The result, and the models to remove as trial and file name: all of its cell but the best."""
        import sqlalchemy as sql

        from suite.database import results

        if MODEL not in result.artefacts:
            return result, []
        kept = sql.and_(results.c.cell_id == result.cell_id, results.c.has_model)
        rows = connection.execute(sql.select(results.c.selection, results.c.document).where(kept)).all()
        best = max((row[0] for row in rows if row[0] is not None), default=None)
        if rows and (selection is None or (best is not None and selection <= best)):
            return _without_model(result), [(result.id, result.artefacts[MODEL])]
        losers = [self._read("of the same cell", row[1]) for row in rows]
        for loser in losers:
            values = {"document": _without_model(loser).model_dump_json(), "has_model": False}
            connection.execute(results.update().where(results.c.id == loser.id).values(values))
        return result, [(loser.id, loser.artefacts[MODEL]) for loser in losers if MODEL in loser.artefacts]

    def confirm(self, trial_id: str) -> None:
        """Numbers a stored result as if it were saved now, since it holds beside what was saved after it."""
        import sqlalchemy as sql

        from suite.database import results

        same = results.c.id == trial_id
        with self.transaction() as connection:
            row = dict(connection.execute(sql.select(results).where(same)).mappings().one())
            del row["sequence"]
            connection.execute(results.delete().where(same))
            connection.execute(results.insert().values(**row))

    def delete(self, ids: Iterable[str]) -> None:
        """Forgets results and their files; the row goes first, so that no row is without its files."""
        from suite.database import results

        for trial_id in ids:
            with self.transaction() as connection:
                connection.execute(results.delete().where(results.c.id == trial_id))
            shutil.rmtree(self.trial_folder(trial_id), ignore_errors=True)

    def clean(self, *, spare: Iterable[str] = ()) -> int:
        """Removes folders without a row and models that no row names, but not of the trials in ``spare``.

        Returns:
            How many folders and models were removed.
        """
        import sqlalchemy as sql

        from suite.database import mendable, results

        removed = 0
        with mendable(self.folder):
            spared = set(spare)
            with self.transaction() as connection:
                known = {row[0]: row[1] for row in connection.execute(sql.select(results.c.id, results.c.has_model))}
            for folder in (self.folder / "trials").iterdir():
                if folder.name in spared:
                    continue
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += 1
                elif not known[folder.name] and (folder / "model.keras").is_file():
                    (folder / "model.keras").unlink()
                    removed += 1
        return removed


def _insertion(result: Result, selection: float | None) -> sql.Insert:
    from suite.database import results

    return results.insert().values(
        **{name: getattr(result, name) for name in ("id", "cell_id", "status", "phase", "seed")},
        model=result.model,
        dataset=result.dataset,
        strategy=result.strategy,
        finished_at=result.finished_at,
        total_seconds=result.timings.total_seconds if result.timings else None,
        selection=selection,
        has_model=MODEL in result.artefacts,
        document=result.model_dump_json(),
    )


def _without_model(result: Result) -> Result:
    artefacts = {name: file for name, file in result.artefacts.items() if name != MODEL}
    return result.model_copy(update={"artefacts": artefacts})


def _try_writing(folder: Path) -> None:
    """Fails before anything was trained rather than after."""
    with tempfile.TemporaryFile(dir=folder):
        pass
