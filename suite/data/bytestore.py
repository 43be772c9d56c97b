"""Encoded examples copied into one file of the cache, so that each can be read by its number.

The file is the contents one after another, then their ends and the classes as 64-bit integers, then how many
there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from suite.cache import entry_path, touch, write_entry
from suite.errors import BadExampleError

__all__ = ["ByteStore", "open_store"]

_INTEGER = np.dtype("<i8")


@dataclass(frozen=True)
class ByteStore:
    """Contents and classes of examples, readable at random by any thread and process."""

    path: Path

    def labels(self) -> NDArray[np.int64]:
        """The class of each example, shape ``(n,)``."""
        labels: NDArray[np.int64] = self._tables[1]
        return labels

    def content(self, index: int) -> bytes:
        """The bytes of one example. Raises ``BadExampleError`` when the cache was removed meanwhile."""
        ends = self._tables[0]
        start = int(ends[index - 1]) if index else 0
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(int(ends[index]) - start)
        except OSError as error:
            raise BadExampleError(f"{self.path}: example {index} cannot be read: {error.strerror or error}.") from None

    @cached_property
    def _tables(self) -> NDArray[np.int64]:
        """Ends and classes, shape ``(2, n)``."""
        with self.path.open("rb") as file:
            file.seek(-_INTEGER.itemsize, 2)
            count = int(np.frombuffer(file.read(), dtype=_INTEGER)[0])
            file.seek(-_INTEGER.itemsize * (1 + 2 * count), 2)
            table = np.frombuffer(file.read(_INTEGER.itemsize * 2 * count), dtype=_INTEGER)
        return table.reshape(2, count).astype(np.int64)


def open_store(
    identity: Mapping[str, Any], examples: Iterable[tuple[bytes, int]], *, root: Path | None = None
) -> ByteStore:
    """The store with this identity; written from ``examples`` (content, class) when it is not there yet.

    Raises:
        StoreError: When the disk is full or the cache folder cannot be written.
    """
    path = entry_path(root, "examples", identity, ".bin")
    if not path.exists():
        write_entry(path, lambda file: _write(file, examples), {**identity, "format": 1})
    touch(path)
    return ByteStore(path)


def _write(file: BinaryIO, examples: Iterable[tuple[bytes, int]]) -> None:
    ends: list[int] = []
    labels: list[int] = []
    for content, label in examples:
        file.write(content)
        ends.append((ends[-1] if ends else 0) + len(content))
        labels.append(label)
    file.write(np.array([*ends, *labels, len(ends)], dtype=_INTEGER).tobytes())
