"""Who runs which trial, so that two runs on one store do nothing twice.

A claim is a row with its owner and a heartbeat.  An owner on this machine is dead when its process is; one
elsewhere when its heartbeat has stopped.  A dead owner's claims are taken over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psutil
import sqlalchemy as sql

from suite.errors import StoreError
from suite.runner.live_curve import curve_path
from suite.store.address import address_of, files_of
from suite.store.database import Clock, claims, results
from suite.store.reader import FEW
from suite.store.store import Store, open_store

__all__ = ["Claim", "Claims", "claimed", "is_alive", "living_owners", "own_name"]

HEARTBEAT_SECONDS = 10.0
SILENT_SECONDS = 120.0
"""An owner on another machine is dead after so long without a heartbeat."""
ABANDONED_SECONDS = 86_400.0
"""The same for its temporary folder, whose time stamp is all that is known of it."""
OWNER = re.compile(r"[0-9a-f]{12}-p\d+-\d+")
"""The name of a run; merging and exporting have folders of other names beside its."""
CLOCK_TOLERANCE_SECONDS = 5
"""The start of a process is told relative to a clock that may be set."""

Claim = Literal["claimed", "taken", "finished"]


class Claims:
    """The claims of this run. Use it as a context manager: a thread keeps them alive until it is left."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.owner = own_name()
        self.folder = store.folder / "tmp" / self.owner
        """Where this run's trials write; removed in the end."""
        # Made once: putting them together takes longer than the database does.
        trial: sql.BindParameter[str] = sql.bindparam("trial")
        self._stored = sql.select(results.c.sequence).where(store.own(results), results.c.id == trial)
        self._held = sql.select(claims).where(store.own(claims), claims.c.trial_id == trial)
        self._drop = claims.delete().where(store.own(claims), claims.c.trial_id == trial)
        self._insert = claims.insert()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._remove_abandoned_folders()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        # A full disk must not hide the error that is on its way; a dead owner's claims are taken over anyway.
        mine = sql.and_(self._store.own(claims), claims.c.owner == self.owner)
        with contextlib.suppress(StoreError):
            self._store.transact(partial(_execute, claims.delete().where(mine)), patience_seconds=0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def claim(self, trial_id: str, *, seen: int | None) -> Claim:
        """Tries to get a trial for this run.

        Args:
            trial_id: The trial.
            seen: ``Entry.sequence`` of its stored result when this run began; None where it had none.

        Returns:
            ``claimed``; ``taken`` by a living run; or ``finished`` since ``seen``, by another run.
        """
        store = self._store
        trial = {"trial": trial_id}

        def attempt(connection: sql.Connection) -> Claim:
            stored = connection.scalar(self._stored, trial)
            if stored is not None and stored != seen:
                return "finished"
            row = connection.execute(self._held, trial).one_or_none()
            clock = store.clock(connection)
            if row is not None and row.owner != self.owner and _is_living(row, clock):
                return "taken"
            if row is not None:
                connection.execute(self._drop, trial)
            mine = {"run": store.database.run, "trial_id": trial_id, "owner": self.owner, "heartbeat": clock.now}
            connection.execute(self._insert, mine)
            return "claimed"

        # Where this machine loses its power, the owner is dead too: its claims need not outlast that.
        return store.transact(attempt, lasting=False)

    def overtaken(self, seen: Mapping[str, int | None]) -> set[str]:
        """Those of some trials that another run has stored since this one began.

        A run that was silent for too long, as on a machine that was cut off, has lost its claims and does not know.

        Args:
            seen: By trial, as for ``claim``.
        """
        found: set[str] = set()
        ids = list(seen)
        for start in range(0, len(ids), FEW):
            some = results.c.id.in_(ids[start : start + FEW])
            rows = self._store.rows(sql.select(results.c.id, results.c.sequence).where(self._store.own(results), some))
            found.update(row.id for row in rows if row.sequence != seen[row.id])
        return found

    def release(self, *trial_ids: str) -> None:
        """Gives trials up, after their results were saved."""
        for start in range(0, len(trial_ids), FEW):
            some = claims.c.trial_id.in_(trial_ids[start : start + FEW])
            mine = sql.and_(self._store.own(claims), some, claims.c.owner == self.owner)
            self._store.transact(partial(_execute, claims.delete().where(mine)), lasting=False)
        for trial_id in trial_ids:
            with contextlib.suppress(OSError):
                curve_path(self.folder / trial_id).unlink(missing_ok=True)

    def others(self) -> set[str]:
        """The trials that other living runs have claimed."""
        return {row.trial_id for row in _living(self._store) if row.owner != self.owner}

    def _beat(self) -> None:
        def beat(connection: sql.Connection) -> None:
            mine = sql.and_(self._store.own(claims), claims.c.owner == self.owner)
            now = self._store.clock(connection).now
            connection.execute(claims.update().where(mine).values(heartbeat=now))

        while not self._stopped.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(StoreError, OSError):
                # The next beat is the next try.
                self._store.transact(beat, patience_seconds=0, lasting=False)
            with contextlib.suppress(OSError):
                os.utime(self.folder)

    def _remove_abandoned_folders(self) -> None:
        """What runs that were killed left behind."""
        for folder in _subfolders(self._store.folder / "tmp"):
            with contextlib.suppress(OSError):
                if not is_alive(folder.name, folder.stat().st_mtime, silent_seconds=ABANDONED_SECONDS):
                    shutil.rmtree(folder, ignore_errors=True)


def claimed(store: Store) -> dict[str, Path]:
    """The trials that living runs have claimed, each with the folder that it writes into; only read."""
    room = store.folder / "tmp"
    return {row.trial_id: room / row.owner / row.trial_id for row in _living(store)}


def _living(store: Store) -> list[Any]:
    """The claims of living runs."""

    def read(connection: sql.Connection) -> list[Any]:
        clock = store.clock(connection)
        rows = connection.execute(sql.select(claims).where(store.own(claims))).all()
        return [row for row in rows if _is_living(row, clock)]

    return store.read(read)


def _is_living(row: Any, clock: Clock) -> bool:
    """While the database was down nobody could write a heartbeat: the silence counts from when it was up again."""
    return is_alive(row.owner, max(row.heartbeat, clock.up_since), now=clock.now)


def _execute(statement: sql.Executable, connection: sql.Connection) -> None:
    connection.execute(statement)


def living_owners(out: Path) -> tuple[str, ...]:
    """The runs that work in the folder ``out`` now, between two trials too; only read.

    Of runs on other machines, whose folders are not here, those that have claimed a trial in the team's database.
    """
    found: set[str] = set()
    with contextlib.suppress(OSError):  # no such folder, or a run that is just ending takes its own away
        folders = [folder for folder in _subfolders(files_of(out) / "tmp") if OWNER.fullmatch(folder.name)]
        found.update(folder.name for folder in folders if is_alive(folder.name, folder.stat().st_mtime))
    if address_of(out) is not None:
        with contextlib.suppress(StoreError), open_store(out, create=False) as store:  # no run has begun
            found.update(row.owner for row in _living(store))
    return tuple(sorted(found))


def is_alive(owner: str, heartbeat: float, *, silent_seconds: float = SILENT_SECONDS, now: float | None = None) -> bool:
    """Whether an owner still runs, from its process where it is on this machine, else from its last heartbeat.

    ``now`` is by the clock that the heartbeat was written with; this machine's where it is left out.
    """
    machine, _, process = owner.rpartition("-p")
    number, _, started = process.partition("-")
    if machine != _machine_name() or not number.isdecimal() or not started.isdecimal():
        return (time.time() if now is None else now) - heartbeat < silent_seconds
    try:
        found = psutil.Process(int(number))
        is_same = abs(_started(found) - int(started)) <= CLOCK_TOLERANCE_SECONDS * 100
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def own_name() -> str:
    """Machine, process and its start: a process number alone is used again."""
    process = psutil.Process()
    return f"{_machine_name()}-p{process.pid}-{_started(process)}"


def _started(process: psutil.Process) -> int:
    return round(process.create_time() * 100)


def _machine_name() -> str:
    """Host and process namespace: two containers may share a host's name but not its process numbers.

    Two machines of one name have the same first namespace; their identity of installation differs.
    """
    namespace = machine = ""
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the link leads nowhere, its text is the name
    with contextlib.suppress(OSError, ValueError):
        machine = Path("/etc/machine-id").read_text(encoding="utf-8").strip()
    return hashlib.sha256(f"{platform.node()} {namespace} {machine}".encode()).hexdigest()[:12]


def _subfolders(folder: Path) -> Iterable[Path]:
    return [path for path in folder.iterdir() if path.is_dir()]
