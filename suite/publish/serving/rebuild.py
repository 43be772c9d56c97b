"""Makes the report of a run again when results are new: in another process, gently, and not often."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from suite.errors import StoreError
from suite.publish.serving.watch import Pace
from suite.registry import loaded_plugin_files
from suite.report.stored_run import is_report_current
from suite.runner.claims import living_owners
from suite.store.address import SUITE_STORE, address_of
from suite.store.postgres import without_patience
from suite.store.quick_read import glance
from suite.store.state import Glance

__all__ = ["Rebuilder"]

LOOK_SECONDS = 3.0
REST_SECONDS = 120.0
"""Between two reports while a run goes on; ``SHARE`` makes it longer where a report takes long."""
SHARE = 0.04
PATIENCE_SECONDS = 20.0
"""After the end of a run, which writes a report itself."""


class Rebuilder:
    """Looks now and then whether the report is behind the results."""

    def __init__(self, folder: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """``patience_seconds`` is waited after the end of a run."""
        self._folder = folder
        self._patience_seconds = patience_seconds
        self._pace = Pace(least_seconds=REST_SECONDS, share=SHARE)
        self._next_look = 0.0
        self._behind_since: float | None = None
        self._tried: Glance | None = None
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.problem: str | None = None
        """Why the last one could not be made."""

    @property
    def is_busy(self) -> bool:
        """Whether a report is being made."""
        return self._thread is not None and self._thread.is_alive()

    def consider(self) -> None:
        """Starts making a report where one is due; never waits for it."""
        if self.is_busy or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        with contextlib.suppress(StoreError), without_patience():  # the page tells of a store that cannot be read
            state = glance(self._folder)
            if self._is_due(state):
                self._tried = state
                self._thread = threading.Thread(target=self._make, name="report", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends a report that is being made; what was there stays."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _is_due(self, state: Glance) -> bool:
        # The same results would fail the same way.
        is_behind = "plan" in state.documents and bool(state.entries) and state != self._tried
        if not is_behind or is_report_current(self._folder, state):
            self._behind_since = None
            return False
        self._behind_since = self._behind_since or time.monotonic()
        if living_owners(self._folder):
            return self._pace.is_due
        return time.monotonic() - self._behind_since >= self._patience_seconds

    def _make(self) -> None:
        with self._pace.measured():
            command, environment = _report(self._folder)
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,  # Ctrl-C is for the server, which ends this
                )
                _make_way(self._process.pid)
                _, complaint = self._process.communicate()
            except OSError as error:
                self.problem = f"no process could be started ({error.strerror})"
                return
            lines = complaint.decode(errors="replace").strip().splitlines()
            self.problem = (lines[-1] if lines else "no reason is known") if self._process.returncode else None


def _report(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command and its environment: other users can read only the former, and an address may have a password."""
    command, environment = [sys.executable, "-m", "suite", "report", str(folder)], dict(os.environ)
    command += [word for path in loaded_plugin_files() for word in ("--plugin", str(path))]
    address = address_of(folder)
    if address is not None:
        environment[SUITE_STORE] = address.url
        command += ["--run", address.run]
        if address.artefacts is not None:
            command += ["--artifacts", str(address.artefacts)]
    return command, environment


def _make_way(process: int) -> None:
    """The run goes first."""
    with contextlib.suppress(psutil.Error, OSError):
        if sys.platform == "win32":
            psutil.Process(process).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            psutil.Process(process).nice(19)
