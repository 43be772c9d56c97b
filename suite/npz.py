"""Reading one array of an ``.npz``, quickly and without pickles."""

from __future__ import annotations

import functools
import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_array"]


def read_array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array of an ``.npz``, as ``numpy.load`` reads it without pickles.

    A report of a thousand trials reads eight thousand arrays of a few shapes: each header is parsed once.

    Raises:
        ValueError: Where it is no array, or one of Python objects; TypeError where the file is cut off.
    """
    content = file.read(f"{name}.npy")
    length = int.from_bytes(content[8:10], "little")
    shape, fortran_order, dtype = _header(content[: 10 + length])
    return np.ndarray(shape, dtype, buffer=content, offset=10 + length, order="F" if fortran_order else "C")


@functools.lru_cache(maxsize=1024)
def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type from the head of an ``.npy`` of version 1.0, the one that such arrays are written in."""
    head = io.BytesIO(content)
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError("an array of another format version")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.hasobject:
        raise ValueError("an array of Python objects, which are never unpickled")
    return shape, fortran_order, dtype
