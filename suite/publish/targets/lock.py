"""One process at a time: a lock of the operating system, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import time
from pathlib import Path

from pydantic import ValidationError

from suite.cache import is_same, try_lock
from suite.errors import StoreError
from suite.store.records.result import Record

__all__ = ["Lock"]

BETWEEN_TRIES_SECONDS = 0.1


class _Owner(Record):
    """Who holds a lock, for the words of whoever waits."""

    process: int
    machine: str
    since: str
    """Local time, ISO 8601."""


class Lock:
    """A lock on a file in a folder that holds nothing but it and what its owner puts there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "lock"
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object has the lock."""
        return self._descriptor is not None

    def acquire(self, *, shown: str, patience_seconds: float) -> None:
        """Takes the lock, and waits for it as long as told.

        Raises:
            StoreError: Where another process holds it all the time, or the file system knows no locks.
            OSError: Where the folder cannot be made or written.
        """
        deadline = time.monotonic() + patience_seconds
        while not self._try():
            if time.monotonic() > deadline:
                raise StoreError(f"{shown}: {self._owner()} publishes there right now; wait until it is done.")
            time.sleep(BETWEEN_TRIES_SECONDS)

    def release(self) -> None:
        """Gives the lock back and removes its folder, unless something else is in it."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if os.name == "nt":
            os.close(descriptor)
            with contextlib.suppress(OSError):  # another process has it open already
                self._path.unlink()
        else:
            self._path.unlink(missing_ok=True)  # while it is held: a moment later it may be another's
            os.close(descriptor)
        with contextlib.suppress(OSError):  # another process is there already
            self._folder.rmdir()

    def _try(self) -> bool:
        """Whether the lock is held now, on the file that others will find."""
        try:
            self._folder.mkdir(exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except (FileNotFoundError, FileExistsError):  # its last owner removed the folder in between
            return False
        except PermissionError:
            if os.name == "nt" and self._path.exists():  # about to be removed
                return False
            raise
        held = False
        try:
            held = try_lock(descriptor) and is_same(descriptor, self._path)
            if held:
                self._descriptor = descriptor
                self._sign(descriptor)
        except OSError as error:
            held = False
            raise StoreError(
                f"{self._folder.parent}: cannot be locked ({error.strerror}), so that nobody else writes there; "
                "publish to a folder on another disk, and copy it."
            ) from error
        finally:
            if not held:
                self._descriptor = None
                os.close(descriptor)
        return held

    @staticmethod
    def _sign(descriptor: int) -> None:
        since = dt.datetime.now().astimezone().isoformat(timespec="seconds")
        owner = _Owner(process=os.getpid(), machine=platform.node(), since=since)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, owner.model_dump_json().encode())

    def _owner(self) -> str:
        try:
            owner = _Owner.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return "another process"
        here = "this machine" if owner.machine == platform.node() else owner.machine
        return f"process {owner.process} on {here} (since {owner.since})"
