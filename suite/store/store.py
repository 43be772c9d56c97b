"""Results database and artefact folders: save, load, query, resume.

``<out>/store/results.sqlite`` has one row per finished trial, ``<out>/store/trials/<id>/`` its files
(predictions, log, model), and ``<out>/store/tmp/`` what running trials write.  A trial's folder is renamed into
place before its row is committed; a crash in between leaves a folder without a row, which the next run removes.
What it replaces waits in ``<out>/store/replaced/`` until the row is in.  The database is made under another name.
The rows may be in a team's PostgreSQL database instead, and the folders in one that several machines share; see
``suite.store.address``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import StoreError, did_you_mean
from suite.store.address import DATABASE, Address, address_of, keep_link
from suite.store.reader import FEW, PLACE, Stored
from suite.store.records.result import Result
from suite.store.state import STORE_VERSION, check_version

if TYPE_CHECKING:
    import sqlalchemy as sql

    from suite.store.records.export_card import ExportCard

__all__ = ["MODEL", "Store", "Unsaved", "open_store"]

REPLACED = "replaced"
"""Folder inside the store where artefacts of results wait that are just being replaced."""
MODEL = "model"
"""Name of the adapted model among a result's artefacts."""


def open_store(out: Path, *, create: bool = True) -> Store:
    """Opens the store of a run for writing, or for reading only where ``create`` is False.

    Args:
        out: The folder of the run, for instance ``reports/vision``.
        create: Make the folder and the database where they are missing, bring an older one up to this version, and
            allow writing.

    Raises:
        StoreError: When there is none to read, it cannot be written, or its database cannot be reached;
            ``StoreVersionError`` when it is newer.
    """
    address = address_of(out)
    if address is not None:
        return _open_shared(out, address, create=create)
    from suite.store.database import create_tables, mendable
    from suite.store.sqlite import open_sqlite

    folder = out / "store"
    path = folder / DATABASE
    if not create and not path.is_file():
        raise StoreError(f"{out}: has no results yet; expected {path}. Run a spec first: suite run SPEC.")
    if create:
        _make_folders(out, folder)
        if not path.is_file():
            _make_database(path, folder / "tmp")
    store = Store(out, folder, open_sqlite(path, read_only=not create))
    with mendable(path):
        fresh = not store.database.is_made()
        if fresh and store.database.is_empty():
            # What earlier versions left where the disk was full at the very start.
            if not create:
                store.close()
                raise StoreError(f"{out}: has no results yet; run its spec: suite run SPEC.")
            with store.transaction() as connection:
                create_tables(connection, version=STORE_VERSION)
            fresh = False
        found = check_version(None if fresh else store.database.version(), path)
        if create and found < STORE_VERSION:
            from suite.store.migrations.migrate import migrate

            with store.transaction() as connection:
                migrate(connection)
    return store


def _open_shared(out: Path, address: Address, *, create: bool) -> Store:
    from suite.store.database import create_tables, mendable
    from suite.store.postgres import open_postgres, runs_of

    database = open_postgres(address, read_only=not create)
    store = Store(out, address.files(out), database)
    made = database.is_made()
    if not create:
        if made and check_version(database.version(), address.shown) < STORE_VERSION:
            raise StoreError(
                f"{address.shown}: store version {database.version()}, and this suite reads version {STORE_VERSION}; "
                "one that may write brings it up to that: suite run SPEC --store URL."
            )
        names = runs_of(database) if made else []
        if address.run not in names and not (made and store.entries()):
            raise StoreError(f"{address.shown}: {did_you_mean(address.run, names, what='run')} Run a spec first.")
        return store
    if not made:
        database.make_room()
        with database.whole() as connection:
            create_tables(connection, version=STORE_VERSION)
    if check_version(database.version(), address.shown) < STORE_VERSION:
        from suite.store.migrations.migrate import migrate

        with database.whole() as connection:
            migrate(connection)
    _make_folders(out, store.folder)
    with mendable(out):
        _name_place(store.folder)
        keep_link(out)
    return store


def _make_folders(out: Path, folder: Path) -> None:
    from suite.store.database import mendable

    with mendable(out):
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        (folder / "tmp").mkdir(exist_ok=True)
        # Fails before anything was trained rather than after.
        with tempfile.TemporaryFile(dir=folder / "tmp"):
            pass


def _make_database(path: Path, room: Path) -> None:
    """Makes the database under another name, and gives it its own when it is whole: who is second finds the first's."""
    from suite.store.database import create_tables, mendable
    from suite.store.sqlite import open_sqlite

    beside = room / f"{path.name}-{uuid.uuid4().hex}"
    try:
        with mendable(path):
            database = open_sqlite(beside, read_only=False, shown=path)
            try:
                with database.transaction() as connection:
                    create_tables(connection, version=STORE_VERSION)
            finally:
                database.close()
            _give_name(beside, path)
    finally:
        for left in room.glob(f"{beside.name}*"):  # with the files of write-ahead mode, where it was broken off
            left.unlink(missing_ok=True)


def _give_name(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            beside.rename(path)


def _name_place(folder: Path) -> None:
    """Names a folder of artefacts, once: who is second finds the name of the first."""
    beside = folder / "tmp" / f"{PLACE}-{uuid.uuid4().hex}"
    if not (folder / PLACE).is_file():
        beside.write_text(uuid.uuid4().hex + "\n", encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(beside, folder / PLACE)
        beside.unlink()


@dataclass(frozen=True)
class Unsaved:
    """A result on its way into the store; see ``Store.save``."""

    result: Result
    artefacts: Path | None = None
    selection: float | None = None


class Store(Stored):
    """An open results database with its folders. Use it as a context manager, or call ``close``."""

    def save_export(self, card: ExportCard) -> None:
        """Keeps what is known of an exported file; replaces the row of its trial, format and precision."""
        from suite.store.database import exports

        identity = {"trial_id": card.trial_id, "format": card.format, "precision": card.precision}
        same = [exports.c[name] == value for name, value in identity.items()]
        values = {**identity, "cell_id": card.cell_id, "status": card.status, "document": card.model_dump_json()}

        def write(connection: sql.Connection) -> None:
            connection.execute(exports.delete().where(self.own(exports), *same))
            connection.execute(exports.insert().values(run=self.database.run, **values))

        self.transact(write)

    def save_document(self, name: str, text: str) -> None:
        """Keeps a text beside the results; replaces the one of that name."""
        from suite.store.database import documents

        def write(connection: sql.Connection) -> None:
            connection.execute(documents.delete().where(self.own(documents), documents.c.name == name))
            connection.execute(documents.insert().values(run=self.database.run, name=name, text=text))

        self.transact(write)

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
        return self.save_all((Unsaved(result, artefacts, selection),))[0]

    def save_all(self, unsaved: Sequence[Unsaved]) -> list[Result]:
        """Stores several results at once, as ``save`` would one after the other, and faster.

        Raises:
            StoreError: When the disk is full or cannot be written. What was stored before stays stored.
        """
        from suite.store.database import flush, mendable

        with mendable(self.folder):
            for one in unsaved:
                if one.artefacts is not None and one.artefacts.is_dir():
                    flush(one.artefacts)
        place = self.place
        try:
            self._put_in_place(unsaved)
            stored, losers = self.transact(lambda connection: self._insert(connection, unsaved, place))
        finally:
            self._settle({one.result.id for one in unsaved})
        self._note_places((one.result.id, place) for one in unsaved)
        with mendable(self.folder):
            for trial_id, file in losers:
                (self.trial_folder(trial_id) / file).unlink(missing_ok=True)
        return stored

    def _put_in_place(self, unsaved: Sequence[Unsaved]) -> None:
        """Brings new artefacts to where they belong; those of results that are replaced wait aside for ``_settle``."""
        from suite.store.database import flush_folder, mendable

        sequences = self._sequences(one.result.id for one in unsaved)
        with mendable(self.folder):
            for one in unsaved:
                name, own = one.result.id, self.trial_folder(one.result.id)
                if own.exists() and name in sequences:
                    (self.folder / REPLACED).mkdir(exist_ok=True)
                    own.rename(self.folder / REPLACED / f"{sequences[name]}-{name}")
                elif own.exists():  # a crash left it there
                    shutil.rmtree(own)
                if one.artefacts is not None and one.artefacts.is_dir():
                    one.artefacts.rename(own)
            if unsaved:
                flush_folder(self.folder / "trials")

    def _settle(self, ids: Container[str]) -> None:
        """Artefacts that wait aside go where the result is replaced by now, and come back where it is not."""
        from suite.store.database import mendable

        room = self.folder / REPLACED
        with mendable(self.folder):
            waiting = [(path, *path.name.partition("-")[::2]) for path in room.iterdir()] if room.is_dir() else []
            sequences = self._sequences(name for _, _, name in waiting)
            for path, sequence, name in waiting:
                if name not in ids:
                    continue
                if str(sequences.get(name)) == sequence:
                    shutil.rmtree(self.trial_folder(name), ignore_errors=True)
                    path.rename(self.trial_folder(name))
                else:
                    shutil.rmtree(path, ignore_errors=True)

    def _sequences(self, ids: Iterable[str]) -> dict[str, int]:
        """Numbers of the results that are stored under these ids."""
        import sqlalchemy as sql

        from suite.store.database import results

        found: dict[str, int] = {}
        for some in _few(ids):
            known = sql.select(results.c.id, results.c.sequence).where(self.own(results), results.c.id.in_(some))
            found |= {row[0]: row[1] for row in self.rows(known)}
        return found

    def _insert(
        self, connection: sql.Connection, unsaved: Sequence[Unsaved], place: str
    ) -> tuple[list[Result], list[tuple[str, str]]]:
        """The results as they are stored, and the models to remove as trial and file name.

        Rows of the same ids go first: after a lost connection nobody knows whether they were committed.
        """
        from suite.store.database import results

        for some in _few(one.result.id for one in unsaved):
            connection.execute(results.delete().where(self.own(results), results.c.id.in_(some)))
        stored: list[Result] = []
        losers: list[tuple[str, str]] = []
        rows: list[dict[str, Any]] = []
        for one in unsaved:
            if MODEL in one.result.artefacts and rows:  # those before it may have a model of the same cell
                connection.execute(results.insert(), rows)
                rows = []
            result, beaten = self._keep_best_model(connection, one.result, one.selection)
            stored.append(result)
            losers += beaten
            rows.append(_row(result, one.selection) | {"run": self.database.run, "place": place})
        if rows:
            connection.execute(results.insert(), rows)
        return stored, losers

    def _keep_best_model(
        self, connection: sql.Connection, result: Result, selection: float | None
    ) -> tuple[Result, list[tuple[str, str]]]:
        """The result, and the models to remove as trial and file name: all of its cell but the best."""
        import sqlalchemy as sql

        from suite.store.database import results

        if MODEL not in result.artefacts:
            return result, []
        kept = sql.and_(self.own(results), results.c.cell_id == result.cell_id, results.c.has_model)
        rows = connection.execute(sql.select(results.c.selection, results.c.id, results.c.document).where(kept)).all()
        best = max((row[0] for row in rows if row[0] is not None), default=None)
        if rows and (selection is None or (best is not None and selection <= best)):
            return _without_model(result), [(result.id, result.artefacts[MODEL])]
        losers = []
        for row in rows:
            with contextlib.suppress(StoreError):  # damaged: its model stays until the trial is run again
                losers.append(self.parse(row[1], row[2]))
        for loser in losers:
            values = {"document": _without_model(loser).model_dump_json(), "has_model": False}
            same = results.c.id == loser.id
            connection.execute(results.update().where(self.own(results), same).values(values))
        return result, [(loser.id, loser.artefacts[MODEL]) for loser in losers if MODEL in loser.artefacts]

    def confirm(self, trial_id: str) -> None:
        """Numbers a stored result as if it were saved now, since it holds beside what was saved after it."""
        import sqlalchemy as sql

        from suite.store.database import results

        same = sql.and_(self.own(results), results.c.id == trial_id)

        def write(connection: sql.Connection) -> None:
            row = dict(connection.execute(sql.select(results).where(same)).mappings().one())
            del row["sequence"]
            connection.execute(results.delete().where(same))
            connection.execute(results.insert().values(**row))

        self.transact(write)

    def delete(self, ids: Iterable[str]) -> None:
        """Forgets results and their files; the rows go first, so that no row is without its files."""
        from suite.store.database import mendable, results

        for some in _few(ids):
            self.transact(partial(_execute, results.delete().where(self.own(results), results.c.id.in_(some))))
            with mendable(self.folder):
                for trial_id in some:
                    shutil.rmtree(self.trial_folder(trial_id), ignore_errors=True)

    def clean(self, *, spare: Callable[[], Iterable[str]] = tuple) -> int:
        """Removes folders without a row and models that no row names, but not of the trials in ``spare``.

        Args:
            spare: Says which trials are at work.

        Returns:
            How many folders and models were removed.
        """
        from suite.store.database import mendable

        with mendable(self.folder):
            # In this order: the trial of a folder that is there is at work, or has its row.
            folders = list((self.folder / "trials").iterdir())
            spared = set(spare())
            self._settle(_AllBut(spared))
            mine = self.place
            known = {row[0]: row[1] for row in self._columns("id", "has_model", "place") if row[2] == mine}
            folders = [folder for folder in folders if folder.name not in spared]
            gone = [folder for folder in folders if folder.name not in known]
            models = [folder / "model.keras" for folder in folders if known.get(folder.name) is False]
            models = [model for model in models if model.is_file()]
            for folder in gone:
                shutil.rmtree(folder, ignore_errors=True)
            for model in models:
                model.unlink(missing_ok=True)
        return len(gone) + len(models)


class _AllBut:
    """Every id but some."""

    def __init__(self, some: set[str]) -> None:
        self._some = some

    def __contains__(self, name: object) -> bool:
        return name not in self._some


def _few(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """As many at once as one statement takes."""
    todo = iter(ids)
    while some := tuple(islice(todo, FEW)):
        yield some


def _execute(statement: sql.Executable, connection: sql.Connection) -> None:
    connection.execute(statement)


def _row(result: Result, selection: float | None) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in ("id", "cell_id", "status", "phase", "seed")},
        "model": result.model,
        "dataset": result.dataset,
        "strategy": result.strategy,
        "finished_at": result.finished_at,
        "total_seconds": result.timings.total_seconds if result.timings else None,
        "selection": selection,
        "has_model": MODEL in result.artefacts,
        "document": result.model_dump_json(),
    }


def _without_model(result: Result) -> Result:
    artefacts = {name: file for name, file in result.artefacts.items() if name != MODEL}
    return result.model_copy(update={"artefacts": artefacts})
