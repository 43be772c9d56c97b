"""Reading the arrays of an ``.npz``, quickly, without pickles, and with a sentence where the file is damaged."""

from __future__ import annotations

import contextlib
import functools
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError

__all__ = ["Arrays", "open_arrays", "require"]

DAMAGED = (
    OSError, ValueError, LookupError, TypeError, ArithmeticError, EOFError, MemoryError, RuntimeError, struct.error,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What the readers of zip files, JSON and NumPy raise where bytes are others than were written."""
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    r"\{'descr': '([<>|=]?[biufUS]\d{1,9})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n"
)
"""The head of an array of plain values as NumPy writes it; one of objects, which would be pickled, has another."""


class Arrays:
    """An open ``.npz``."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._names = frozenset(file.namelist())

    def names(self) -> tuple[str, ...]:
        """Of the arrays, sorted."""
        return tuple(sorted(name.removesuffix(".npy") for name in self._names))

    def array(self, name: str, kinds: str, *shape: int | None) -> NDArray[Any]:
        """One array, as ``numpy.load`` reads it without pickles.

        A report of a thousand trials reads eight thousand arrays of a few shapes: each header is parsed once.

        Args:
            name: Of the array.
            kinds: Letters of ``numpy.dtype.kind`` that it may be of, for instance ``iu``.
            *shape: How long each axis must be; None where any length will do.

        Raises:
            ValueError: Where it is another array than that; KeyError where there is none.
        """
        content = self._file.read(f"{name}.npy")
        length = int.from_bytes(content[8:10], "little")
        found, fortran_order, dtype = _header(content[: 10 + length])
        fits = len(found) == len(shape) and all(want in {None, own} for want, own in zip(shape, found, strict=True))
        if dtype.kind not in kinds or not fits:
            raise ValueError(f"{name}: an array of {dtype} and shape {found}, which is not what belongs there")
        array = np.ndarray(found, dtype, buffer=content, offset=10 + length, order="F" if fortran_order else "C")
        if dtype.kind == "U" and array.nbytes:
            _require_text(name, np.frombuffer(content, f"{dtype.str[0]}u4", array.nbytes // 4, 10 + length))
        return array

    def json(self, name: str) -> Any:
        """A JSON text that is kept as an array of its own."""
        return json.loads(str(self.array(name, "U")))


@contextlib.contextmanager
def open_arrays(path: Path, *, what: str) -> Iterator[Arrays]:
    """An ``.npz``, open as long as it is read.

    Raises:
        StoreError: Where the file is missing or damaged, or what is read inside raises as ``Arrays`` does.
    """
    try:
        with zipfile.ZipFile(path) as file:
            yield Arrays(file)
    except DAMAGED as error:
        said = str(error) or type(error).__name__
        raise StoreError(f"{path.name}: {what} cannot be read ({said}); rerun with --redo all.") from error


def require(fact: bool, complaint: str) -> None:
    """Raises ``ValueError`` where a fact about what was read does not hold."""
    if not fact:
        raise ValueError(complaint)


def _require_text(name: str, points: NDArray[np.uint32]) -> None:
    """Raises ``ValueError`` for numbers that are no characters: NumPy hands them on, and Python stops at them."""
    require(int(points.max()) <= 0x10FFFF, f"{name}: numbers that are no characters")
    require(not bool(((points >= 0xD800) & (points <= 0xDFFF)).any()), f"{name}: halves of characters")


@functools.lru_cache(maxsize=1024)
def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type from the head of an ``.npy`` of version 1.0, the one that such arrays are written in."""
    found = HEADER.fullmatch(content[len(MAGIC) + 2 :].decode("latin-1"))
    if not content.startswith(MAGIC) or found is None:
        raise ValueError("no array of plain values")
    descr, order, lengths = found.groups()
    return tuple(int(one) for one in lengths.split(",") if one.strip()), order == "True", np.dtype(descr)
