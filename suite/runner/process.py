"""How a worker process starts, and that it ends when its parent does.

Imported by every worker before its environment is set: nothing here may import NumPy or anything larger.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.context
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

__all__ = ["ENDED_QUIETLY", "WorkerContext", "WorkerSettings", "point_output_at", "prepare_worker", "terminable"]

ENDED_QUIETLY = 256
"""Told in place of exit code 0, which pebble would take for a worker that was asked to end."""
_starting = threading.Lock()


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker process is given before it imports anything large."""

    log: Path
    """Where output goes that belongs to no trial."""
    threads: int
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables to set, the devices among them."""


class _WorkerProcess(multiprocessing.context.SpawnProcess):
    """A spawned process that ignores Ctrl-C from its first instruction and does not import the user's script."""

    def start(self) -> None:
        """Starts the process."""
        with _starting, _without_main(), _blocked(signal.SIGINT):
            super().start()

    @property
    def exitcode(self) -> int | None:
        """The exit code, ``ENDED_QUIETLY`` for 0: a worker never ends by itself while it is in use."""
        code = super().exitcode
        return ENDED_QUIETLY if code == 0 else code


class WorkerContext(multiprocessing.context.SpawnContext):
    """The multiprocessing context of the workers."""

    Process = _WorkerProcess


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hides ``__main__``: otherwise a script without a main guard would be run again in every worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _blocked(number: int) -> Iterator[None]:
    """Blocks a signal in this thread; a process that is started meanwhile inherits that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def prepare_worker(settings: WorkerSettings, module: str) -> None:
    """Runs first in every worker: environment, output, a watch on the parent; then the executor's import.

    Importing ``module`` here keeps the import of TensorFlow out of the first trial's time limit.
    """
    os.environ.update(settings.environment)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    point_output_at(settings.log)
    # Ended at once, also in the middle of a long computation that runs no Python.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.enable()
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    # The first trial tells an import error far better than a worker that cannot start.
    with contextlib.suppress(Exception):
        importlib.import_module(module)


def point_output_at(path: Path) -> None:
    """Sends what this process writes, from C++ too, to the end of a file."""
    for stream in (sys.stdout, sys.stderr):
        # A full disk is told by the trial's own files; lines of a log are not worth failing for.
        with contextlib.suppress(OSError):
            stream.flush()
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


# Ending a run: a terminated process ends as one that is interrupted from the keyboard.


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, wherever signals can be handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
