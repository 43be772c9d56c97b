"""One process at a time: locks of the operating system on open files, which end with the process that holds them."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["is_same", "one_at_a_time", "try_lock"]

BETWEEN_TRIES_SECONDS = 0.1
FAR = 1 << 30
"""The byte that is locked on Windows: what is locked there cannot be read, and the owner's name shall be."""


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process, and no other thread, is inside with the same ``path``, a file made for this.

    Where the file cannot be made or locked, for instance in a folder that may only be read, nobody waits.
    """
    descriptor = None
    with contextlib.suppress(OSError):
        while (descriptor := _opened(path)) is None:
            time.sleep(BETWEEN_TRIES_SECONDS)
    try:
        yield
    finally:
        if descriptor is not None:
            _give_back(descriptor, path)


def _opened(path: Path) -> int | None:
    """The locked file; None where another has it. Raises ``OSError`` where there cannot be one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    held = False
    try:
        held = try_lock(descriptor) and is_same(descriptor, path)
    finally:
        if not held:
            os.close(descriptor)
    return descriptor if held else None


def _give_back(descriptor: int, path: Path) -> None:
    if os.name == "nt":
        os.close(descriptor)
        with contextlib.suppress(OSError):  # another process has it open already
            path.unlink()
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)  # while it is held: a moment later it may be another's
    os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Tries to lock an open file. Returns False where another has it; raises ``OSError`` where there are no locks."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_same(descriptor: int, path: Path) -> bool:
    """Whether the file that was locked still has its name: its last owner removes it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
