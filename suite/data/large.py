"""Arrays and bytes that may be larger than memory: what is large is mapped from a file without a name.

Such files lie in the cache folder, whose disk is chosen to have room, and are gone when they are closed, however the
process ends.  Pages of them count as memory of the process as long as they are there; the operating system takes
them back when it needs room, and ``let_go`` gives them back before.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from suite.cache import cache_root, store_error

__all__ = ["LARGE_BYTES", "ByteCollector", "let_go", "new_array"]

LARGE_BYTES = 128 * 2**20
"""From so many bytes on an array or a run of texts is on disk."""
_AT_ONCE = 16 * 2**20


def new_array(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array to be filled, its numbers undefined: in memory, or mapped from disk where it is large.

    Raises:
        StoreError: When the disk has no room for it, or the cache folder cannot be written.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LARGE_BYTES:
        return np.empty(shape, dtype)
    try:
        with _nameless_file() as file:
            _reserve(file, size)
            return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
    except OSError as error:
        raise store_error(cache_root(), error) from None


def let_go(array: Any) -> None:
    """Gives the pages of a mapped array back; they are read again where they are asked for. Other arrays stay."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


class ByteCollector:
    """Bytes that are put one behind the other, in memory or on disk."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._file: IO[bytes] | None = None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._waiting)

    def __iadd__(self, more: bytes | memoryview) -> Self:
        self._waiting += more
        if len(self._waiting) >= (LARGE_BYTES if self._file is None else _AT_ONCE):
            self._write()
        return self

    def whole(self) -> bytes | mmap.mmap:
        """All of them, read-only. Raises ``StoreError`` as ``new_array`` does."""
        if self._file is None:
            return bytes(self._waiting)
        self._write()
        return mmap.mmap(self._file.fileno(), self._written, access=mmap.ACCESS_READ)

    def _write(self) -> None:
        try:
            self._file = self._file or _nameless_file()
            self._file.write(self._waiting)
            self._file.flush()
        except OSError as error:
            raise store_error(cache_root(), error) from None
        self._written += len(self._waiting)
        self._waiting.clear()


def _nameless_file() -> IO[bytes]:
    cache_root().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=cache_root())


def _reserve(file: IO[bytes], size: int) -> None:
    """Takes the room now: where a disk is full, a write through a map would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _AT_ONCE):
        file.write(bytes(min(_AT_ONCE, size - start)))
    file.flush()
