"""Targets: what is to be said of the examples of a split, where it is more than a class.

A split always has the class index of every example (``Split.targets``), zeros where there are no classes: splits are
stratified by it, and label budgets count it.  Texts to generate are read with their source, as a ``Text``.  Anything
else - numbers, boxes, label maps - is a ``Targets`` beside it (``Split.annotations``), which is split, fingerprinted
and batched with the examples.  ``ArrayTargets`` is all that targets of one shape need; a ragged or lazy kind is a class
of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayTargets", "Targets"]


class Targets(Protocol):
    """What is to be said of some examples, in their order."""

    def __len__(self) -> int:
        """How many examples."""

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Those of the examples at these positions."""

    def joined(self, other: Self) -> Self:
        """These, and behind them others of the same data set."""

    def content(self, index: int) -> bytes:
        """Of one example, as bytes: a part of the data set's fingerprint."""

    def batch(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """What an objective learns from, by name: arrays whose first axis is the examples in ``rows``."""


@dataclass(frozen=True)
class ArrayTargets:
    """One array whose first axis is the examples: a number of each, a vector, a small label map."""

    values: NDArray[Any] = field(repr=False)
    """Shape ``(n, ...)``."""
    name: str = "values"
    """What an objective finds it under."""

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.int64]) -> ArrayTargets:
        """Those of the examples at these positions."""
        return ArrayTargets(self.values[rows], self.name)

    def joined(self, other: ArrayTargets) -> ArrayTargets:
        """These, and behind them others."""
        return ArrayTargets(np.concatenate([self.values, other.values]), self.name)

    def content(self, index: int) -> bytes:
        """The bytes of one example's numbers, and their type."""
        one = np.ascontiguousarray(self.values[index])
        return one.dtype.str.encode() + one.tobytes()

    def batch(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Shape ``(len(rows), ...)`` under ``name``."""
        return {self.name: self.values[rows]}
