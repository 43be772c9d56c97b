"""Many rows of a Parquet file at once, where every one of them can be used: no text becomes a Python object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CleanBatch", "clean_batch"]


@dataclass(frozen=True)
class CleanBatch:
    """The texts and labels of some rows."""

    texts: memoryview
    """UTF-8, one behind the other."""
    ends: NDArray[np.int64]
    """Where each text ends in ``texts``, shape ``(n,)``."""
    labels: tuple[Any, ...]
    """The different ones, in the order in which they come first; texts as bytes."""
    codes: NDArray[np.int64]
    """Which of the labels each row has, shape ``(n,)``."""


def clean_batch(batch: Any, text_column: str, label_column: str) -> CleanBatch | None:
    """The rows of a ``pyarrow.RecordBatch``; None where one of them has to be looked at by itself.

    That is a text that is missing, empty, no UTF-8 or holds a NUL, a missing label, and labels of another type than
    texts, whole numbers and truth values.
    """
    import pyarrow as pa

    text, label = batch.column(text_column), batch.column(label_column)
    if not len(text) or text.null_count or label.null_count or not _is_text(text.type):
        return None
    if not (_is_text(label.type) or pa.types.is_integer(label.type) or pa.types.is_boolean(label.type)):
        return None
    found = _joined(text)
    if found is None:
        return None
    encoded = (label.cast(pa.large_binary()) if _is_text(label.type) else label).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return CleanBatch(*found, tuple(encoded.dictionary.to_pylist()), codes)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _joined(text: Any) -> tuple[memoryview, NDArray[np.int64]] | None:
    """All texts as one run of bytes, and where each ends; None where one is empty, no UTF-8 or holds a NUL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        # What a file calls a text may be none: only the way from bytes is checked.
        checked = text.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return None
    if pc.min(pc.binary_length(pc.utf8_trim_whitespace(checked))).as_py() == 0:
        return None
    _, places, content = checked.buffers()
    ends = np.frombuffer(places, np.int64)[checked.offset : checked.offset + len(checked) + 1]
    joined = memoryview(content)[int(ends[0]) : int(ends[-1])]
    return (joined, ends[1:] - ends[0]) if np.frombuffer(joined, np.uint8).all() else None
