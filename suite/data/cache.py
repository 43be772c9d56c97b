"""What is kept on disk between runs, and the decoded pictures in it.

One folder holds everything: ``SUITE_CACHE_DIR``, else the user's cache folder.  An entry is a file
``<root>/<kind>/<key><suffix>`` and beside it ``<key>.json``, which describes it to people and whose time of
change is when the entry was last used.  Everything is written under a temporary name and renamed, so that a
reader never sees half a file, and two processes that make the same entry at once both succeed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs
from numpy.typing import NDArray

from suite.data.dataset import Dataset, Split
from suite.data.decoding import DECODING_VERSION, resize_image
from suite.errors import StoreError

__all__ = [
    "CacheEntry",
    "ImageArray",
    "cache_root",
    "clear",
    "decoded",
    "description_of",
    "entries",
    "entry_path",
    "prune",
    "touch",
    "write_entry",
]

ImageArray = NDArray[np.uint8]
"""Pictures of one size, shape ``(n, height, width, 3)``, uint8, 0 to 255; read-only and mapped from disk."""

_TEMPORARY = ".writing"
_ABANDONED_AFTER_SECONDS = 24 * 3600
_SMALL_PIXELS = 128 * 128
_CHUNK_BYTES = 32 * 2**20


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
    """Where the entry with this identity lies; the name is a hash of ``kind`` and the identity's JSON."""
    text = json.dumps([kind, identity], sort_keys=True, default=str)
    return (root or cache_root()) / kind / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"


def write_entry(path: Path, write: Callable[[BinaryIO], object], description: Mapping[str, Any]) -> None:
    """Makes an entry: ``write`` fills a temporary file, which then gets its name.

    Args:
        path: From ``entry_path``.
        write: Gets the open file. Whatever it raises, nothing is left behind.
        description: JSON for people, shown by ``suite cache ls``.

    Raises:
        StoreError: When the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(path, write)
        text = json.dumps(dict(description), ensure_ascii=False, default=str).encode("utf-8", "surrogateescape")
        _write_and_rename(_sidecar(path), lambda file: _write_all(file, text))
    except OSError as error:
        raise _store_error(path.parent, error) from None


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


def decoded(split: Split, dataset: Dataset, *, size: tuple[int, int], root: Path | None = None) -> ImageArray:
    """The pictures of a split, decoded and resized once and from then on mapped from disk.

    Memory stays bounded while they are written, and the operating system pages them in as they are read, so
    a split may be larger than memory.  Pictures are stretched to ``size``, bilinear and antialiased.

    Args:
        split: A split of ``dataset``.
        dataset: Its fingerprint is part of the entry's identity.
        size: Height and width in pixels.
        root: The cache folder; see ``cache_root``.

    Returns:
        Read-only array of shape ``(len(split), height, width, 3)``, uint8, in the order of ``split.ids``.

    Raises:
        BadExampleError: For the first picture that cannot be decoded; nothing is kept then.
        StoreError: When the disk is full or the folder cannot be written.
    """
    identity = {
        "fingerprint": dataset.fingerprint,
        "split": split.name,
        "ids": hashlib.sha256("\0".join(split.ids).encode("utf-8", "surrogateescape")).hexdigest(),
        "size": list(size),
        "version": DECODING_VERSION,
    }
    path = entry_path(root, "decoded", identity, ".npy")
    shape = (len(split), *size, 3)
    kept = _open_array(path, shape)
    if kept is None:
        description = {"dataset": dataset.name, "examples": len(split), **identity}
        write_entry(path, lambda file: _write_pictures(file, split, size), description)
        kept = _open_array(path, shape)
    if kept is None:
        raise StoreError(f"{path}: was just written and cannot be read back; is the disk sound, or was it removed?")
    touch(path)
    return kept


def _open_array(path: Path, shape: tuple[int, ...]) -> ImageArray | None:
    """The kept array, or None when there is none or it is not whole."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _store_error(path.parent, error) from None
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _write_pictures(file: BinaryIO, split: Split, size: tuple[int, int]) -> None:
    """Plain writes: a full disk is an error then, where a write through a memory map ends the process."""
    shape = (len(split), *size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    bytes_each = size[0] * size[1] * 3
    chunk = max(1, _CHUNK_BYTES // bytes_each)
    threads = _threads(split)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for start in range(0, len(split), chunk):
            stop = min(start + chunk, len(split))
            pictures = np.empty((stop - start, *size, 3), dtype=np.uint8)
            step = max(1, min(64, -(-(stop - start) // threads)))

            def fill(begin: int, *, start: int = start, stop: int = stop, into: ImageArray = pictures) -> None:
                for index in range(begin, min(begin + step, stop)):  # noqa: B023 - one step for all of a chunk
                    into[index - start] = resize_image(split.read(index), size)

            for _ in pool.map(fill, range(start, stop, step)):
                pass  # an exception of a thread comes out here
            _write_all(file, pictures.data.cast("B"))


def _threads(split: Split) -> int:
    """One for small pictures: their decoding is mostly Python, where threads only wait for one another."""
    if not len(split):
        return 1
    height, width = split.read(0).shape[:2]
    return 1 if height * width <= _SMALL_PIXELS else min(32, os.cpu_count() or 1)


def _write_all(file: BinaryIO, content: bytes | memoryview) -> None:
    file.write(content)


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
        raise _store_error(entry.path, error) from None


def _store_error(place: Path, error: OSError) -> StoreError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(
            f"{place}: the disk is full. Free some space ('suite cache prune'), "
            "or set SUITE_CACHE_DIR to a folder on another disk."
        )
    return StoreError(
        f"{place}: cannot be written: {error.strerror or error}. Set SUITE_CACHE_DIR to a folder that can be."
    )
