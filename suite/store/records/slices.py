"""Which slice each test example is in, kept beside the results of a run: no trial depends on it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

__all__ = ["SLICES", "DatasetSlices", "SliceRecord", "examples_digest", "read_slices", "slices_text"]

SLICES = "slices"
"""Name of the document in a store."""


class SliceRecord(BaseModel):
    """One property of the test examples of a data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    values: tuple[str, ...]
    """What the slices are called, in their order."""
    codes: str
    """Which of them each example is in: 16-bit integers, little endian, in base64."""

    @classmethod
    def of(cls, name: str, values: Sequence[str], codes: NDArray[np.int64]) -> SliceRecord:
        """Of the number of each example's value, shape ``(n,)``."""
        return cls(name=name, values=tuple(values), codes=base64.b64encode(codes.astype("<i2").tobytes()).decode())

    def numbers(self) -> NDArray[np.int64]:
        """The number of each example's value, shape ``(n,)``. Raises ``ValueError`` where the text is no numbers."""
        return np.frombuffer(base64.b64decode(self.codes, validate=True), dtype="<i2").astype(np.int64)


class DatasetSlices(BaseModel):
    """The slices of one data set's test split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    """Its label in the comparison."""
    key: str
    """Changes with the data set's description and with what is asked for."""
    examples: str
    """``examples_digest`` of the test split that it was made of."""
    slices: tuple[SliceRecord, ...]


_Kept = TypeAdapter(tuple[DatasetSlices, ...])


def examples_digest(ids: Iterable[str]) -> str:
    """SHA-256 over ids in their order, hex."""
    digest = hashlib.sha256()
    for one in ids:
        digest.update(str(one).encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def slices_text(kept: Sequence[DatasetSlices]) -> str:
    """As it is kept."""
    return _Kept.dump_json(tuple(kept)).decode()


def read_slices(text: str | None) -> tuple[DatasetSlices, ...]:
    """What was kept; empty where there is nothing, or it cannot be read: then it is made again by the next run."""
    try:
        return _Kept.validate_json(text) if text else ()
    except ValidationError:
        return ()
