"""What is kept on disk between runs to be faster; nothing in there is needed, all of it is made again.

One folder holds everything: ``SUITE_CACHE_DIR``, else the user's cache folder.  An entry is a file
``<root>/<kind>/<key><suffix>`` and beside it ``<key>.json``, which describes it to people and whose time of
change is when the entry was last used.  Everything is written under a temporary name and renamed, so that a
reader never sees half a file.  Of several processes that want the same entry one makes it, and the others wait for it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs

from suite.errors import StoreError

__all__ = [
    "CacheEntry",
    "cache_root",
    "clear",
    "description_of",
    "entries",
    "entry_path",
    "is_same",
    "made_by_one",
    "one_at_a_time",
    "prune",
    "store_error",
    "touch",
    "try_lock",
    "write_entry",
]

_TEMPORARY = ".writing"
_LOCK = ".lock"
_ABANDONED_AFTER_SECONDS = 24 * 3600


@dataclass(frozen=True)
class CacheEntry:
    """One thing that is kept."""

    kind: str
    """What it is: ``decoded``, ``features``, ..."""
    path: Path
    bytes: int
    """Size on disk."""
    last_used: float
    """Seconds since 1970."""
    description: Mapping[str, Any]
    """What was said of it when it was written; empty for a file that a killed process left behind."""


def cache_root() -> Path:
    """The cache folder: ``SUITE_CACHE_DIR`` when it is set, else the user's cache folder of the suite."""
    chosen = os.environ.get("SUITE_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("suite", appauthor=False))


def entry_path(root: Path | None, kind: str, identity: Mapping[str, Any], suffix: str) -> Path:
    """Where the entry with this identity lies; the name is a hash of ``kind`` and the identity's JSON.

    Raises:
        StoreError: For an identity that is no JSON: as text it might be the same for what differs.
    """
    try:
        text = json.dumps([kind, identity], sort_keys=True)
    except (TypeError, ValueError) as error:
        raise StoreError(f"cache of {kind}: expected JSON as the key of an entry, got {identity!r}: {error}.") from None
    return (root or cache_root()) / kind / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"


def write_entry(path: Path, write: Callable[[BinaryIO], object], description: Mapping[str, Any]) -> None:
    """Makes an entry: ``write`` fills a temporary file, which then gets its name.

    Args:
        path: From ``entry_path``.
        write: Gets the open file. Whatever it raises, nothing is left behind.
        description: JSON for people, shown by ``suite cache ls``.

    Where another process is making the same entry, this one waits for it and leaves ``write`` alone.

    Raises:
        StoreError: When the disk is full or the folder cannot be written.
    """
    before = _mark(path)
    with made_by_one(path):
        if _mark(path) not in {before, None}:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_and_rename(path, write)
            text = json.dumps(dict(description), ensure_ascii=False, default=str).encode("utf-8", "surrogateescape")
            _write_and_rename(_sidecar(path), lambda file: file.write(text))
        except OSError as error:
            raise store_error(path.parent, error) from None


@contextlib.contextmanager
def made_by_one(path: Path) -> Iterator[None]:
    """Waits while another process is inside with the same path: it may be making what is wanted here too."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path.with_name(f"{path.name}{_LOCK}")):
        yield


def _mark(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that replaced it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def description_of(path: Path) -> dict[str, Any]:
    """What was said of an entry when it was written. Raises ``OSError`` or ``ValueError`` where it is not there."""
    found: dict[str, Any] = json.loads(_sidecar(path).read_text(encoding="utf-8"))
    return found


def touch(path: Path) -> None:
    """Notes that an entry was used now; a cache that may only be read is left as it is."""
    with contextlib.suppress(OSError):
        os.utime(_sidecar(path))


def entries(root: Path | None = None) -> tuple[CacheEntry, ...]:
    """Everything that is kept, the least recently used first."""
    return tuple(sorted(_entries(root or cache_root()), key=lambda entry: (entry.last_used, entry.path)))


def prune(
    root: Path | None = None, *, max_bytes: int | None = None, unused_days: float | None = None
) -> tuple[CacheEntry, ...]:
    """Removes what was not used for ``unused_days``, then the least recently used until ``max_bytes`` hold.

    Files that killed processes left behind go when they are a day old.

    Returns:
        The removed entries.

    Raises:
        StoreError: When an entry cannot be removed.
    """
    removed: list[CacheEntry] = []
    kept = entries(root)
    total = sum(entry.bytes for entry in kept)
    now = time.time()
    for entry in kept:
        age = now - entry.last_used
        too_old = unused_days is not None and age > unused_days * 86_400
        too_much = max_bytes is not None and total > max_bytes
        abandoned = _TEMPORARY in entry.path.name
        if (age > _ABANDONED_AFTER_SECONDS) if abandoned else (too_old or too_much):
            _remove(entry)
            total -= entry.bytes
            removed.append(entry)
    return tuple(removed)


def clear(root: Path | None = None, *, kind: str | None = None) -> tuple[CacheEntry, ...]:
    """Removes every entry, or those of one kind. Returns them. Raises ``StoreError`` when one cannot be."""
    chosen = tuple(entry for entry in entries(root) if kind in {None, entry.kind})
    for entry in chosen:
        _remove(entry)
    return chosen


def _write_and_rename(path: Path, write: Callable[[BinaryIO], object]) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _entries(root: Path) -> Iterator[CacheEntry]:
    if not root.is_dir():
        return
    for path in root.glob("*/*"):
        if path.name.endswith(_LOCK):
            continue
        if path.name.endswith(".json") and path.with_name(path.name.removesuffix(".json")).exists():
            continue
        try:
            yield _entry(path)
        except FileNotFoundError:
            continue  # removed or renamed by another process meanwhile


def _entry(path: Path) -> CacheEntry:
    sidecar = _sidecar(path)
    own = path.stat()
    size_bytes, last_used, description = own.st_size, own.st_mtime, {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        size_bytes += sidecar.stat().st_size
        last_used = sidecar.stat().st_mtime
        description = json.loads(sidecar.read_text(encoding="utf-8"))
    return CacheEntry(path.parent.name, path, size_bytes, last_used, description)


def _remove(entry: CacheEntry) -> None:
    try:
        entry.path.unlink(missing_ok=True)
        _sidecar(entry.path).unlink(missing_ok=True)
    except OSError as error:
        raise store_error(entry.path, error) from None


def store_error(place: Path, error: OSError) -> StoreError:
    """What to say where the cache cannot be written, and how to mend it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(
            f"{place}: the disk is full. Free some space ('suite cache prune'), "
            "or set SUITE_CACHE_DIR to a folder on another disk."
        )
    return StoreError(
        f"{place}: cannot be written: {error.strerror or error}. Set SUITE_CACHE_DIR to a folder that can be."
    )


# One process at a time: locks of the operating system on open files, which end with the process that holds them.

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
