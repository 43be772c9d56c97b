"""The inside of a worker on a node: one trial after another, in a folder of the node's own."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from suite.cache import cache_root
from suite.runner.claims import is_alive, own_name
from suite.runner.cluster.artefacts import Parcel, Place, pack
from suite.runner.environment import environment
from suite.runner.process import point_output_at
from suite.runner.request import TrialEnd, TrialRequest
from suite.runner.worker import LOG, run_request
from suite.store.records.result import Environment

__all__ = ["ActorSettings", "Enclosed", "Ready", "TrialActor", "rescue_log"]

ROOM = "suite-trials-"
RESCUED_SECONDS = 600.0
"""So long the folder of a worker that was killed stays: its log is looked for."""
LOG_BYTES = 1_000_000
"""The most of a log that is brought from a worker that ended."""


@dataclass(frozen=True)
class ActorSettings:
    """What a worker is started with."""

    executor: str
    """``module:function`` that runs a ``TrialRequest``."""
    folder: str
    """Where the command was started: relative paths of data start there, on nodes that have it."""
    plugins: tuple[tuple[str, bytes], ...] = ()
    """Python files that register further variants: path on the driver, and content."""
    place: str | None = None
    """Where artefacts are left for the driver; None for through Ray."""


@dataclass(frozen=True)
class Enclosed:
    """What goes with one trial, since the node does not see the driver's files."""

    key: str
    """Names this try, in the place where artefacts are left."""
    answers: bytes | None = None
    """Of a student: what its teacher says."""


@dataclass(frozen=True)
class Ready:
    """What a worker says of itself once it can take trials."""

    room: str
    """The folder with what its trials write, for who looks for a log when it is dead."""
    environment: Environment
    """Where its trials run, for those that cannot say it themselves."""


class TrialActor:
    """A worker: a warm model and the imports are kept from one trial to the next."""

    def __init__(self, settings: ActorSettings) -> None:
        self._settings = settings
        self._room = _new_room()
        self._log = self._room / "worker.log"
        point_output_at(self._log)
        faulthandler.enable()
        with contextlib.suppress(OSError):
            os.chdir(settings.folder)
        self._plugins = tuple(self._plugin(number, *each) for number, each in enumerate(settings.plugins))
        # The first trial tells an import error far better than a worker that cannot start.
        with contextlib.suppress(Exception):
            importlib.import_module(settings.executor.partition(":")[0])

    def ready(self) -> Ready:
        """What is known of this worker before it has run anything."""
        return Ready(str(self._room), environment())

    def run(self, request: TrialRequest, enclosed: Enclosed) -> tuple[TrialEnd, Parcel, str | None]:
        """Runs one trial.

        Returns:
            How it ended, its files, and why these could not be left where the driver looks for them.
        """
        folder = self._room / request.trial.id
        shutil.rmtree(folder, ignore_errors=True)
        teacher = request.teacher
        if teacher is not None and enclosed.answers is not None:
            answers = self._room / "answers.npz"
            answers.write_bytes(enclosed.answers)
            teacher = replace(teacher, answers=answers)
        request = replace(request, folder=folder, cache_root=cache_root(), plugins=self._plugins, teacher=teacher)
        end = run_request(self._settings.executor, request, self._log)
        try:
            return self._packed(end, folder, enclosed.key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for left in self._room.glob(f"{request.trial.id}.*"):
                left.unlink(missing_ok=True)

    def leave(self) -> None:
        """Removes what this worker wrote on its node."""
        shutil.rmtree(self._room, ignore_errors=True)

    def _packed(self, end: TrialEnd, folder: Path, key: str) -> tuple[TrialEnd, Parcel, str | None]:
        if self._settings.place is None or end.result is None:
            return end, pack(folder, only=None if end.result is not None else LOG), None
        try:
            return end, Place(self._settings.place).put(folder, key), None
        except Exception as error:  # noqa: BLE001 - each driver of a place raises errors of its own
            shown = Place(self._settings.place).shown
            told = f"its files could not be written to {shown} ({type(error).__name__}: {error})"
            number = error.errno if isinstance(error, OSError) else None
            return TrialEnd("failed", reason=told, error_number=number), pack(folder, only=LOG), told

    def _plugin(self, number: int, path: str, content: bytes) -> str:
        """The path of a plugin on this node: its own where it is the same file, else a copy."""
        with contextlib.suppress(OSError):
            if Path(path).read_bytes() == content:
                return path
        copy = self._room / f"plugin-{number}" / Path(path).name
        copy.parent.mkdir()
        copy.write_bytes(content)
        return str(copy)


def rescue_log(room: str, trial_id: str) -> bytes:
    """The end of the log of a trial whose worker is dead; the worker's folder is removed."""
    log = Path(room) / trial_id / LOG
    content = b""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - LOG_BYTES))
        content = file.read()
    shutil.rmtree(room, ignore_errors=True)
    return content


def _new_room() -> Path:
    """A folder for this worker on its node; those of workers of this machine that were killed long ago are removed."""
    own = own_name()
    machine = own.partition("-p")[0]
    for left in Path(tempfile.gettempdir()).glob(f"{ROOM}{machine}-p*"):
        owner = left.name.removeprefix(ROOM).rpartition("-")[0]
        with contextlib.suppress(OSError):
            changed = left.stat().st_mtime
            if time.time() - changed > RESCUED_SECONDS and not is_alive(owner, changed):
                shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{ROOM}{own}-"))
