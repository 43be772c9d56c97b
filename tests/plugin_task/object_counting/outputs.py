"""A number for each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.store.records.npz import open_arrays
from suite.store.records.outputs import Outputs, from_arrays, kept_arrays


@dataclass(frozen=True)
class Counts(Outputs):
    """How many objects a model sees, and how many there are."""

    kind: ClassVar[str] = "count"
    example_ids: NDArray[np.str_]
    counted: NDArray[np.float32]
    """Shape ``(n, 1)``."""
    true_counts: NDArray[np.float32]
    """Shape ``(n,)``."""
    scored: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def numbers(self) -> NDArray[np.float32]:
        """What the model gave."""
        return self.counted

    @property
    def errors(self) -> NDArray[np.float64]:
        """How far it is off, shape ``(n,)``."""
        return (self.counted[:, 0] - self.true_counts).astype(np.float64)

    def take(self, rows: NDArray[np.int64]) -> Counts:
        """The examples at these positions."""
        return Counts(self.example_ids[rows], self.counted[rows], self.true_counts[rows])

    def truth(self) -> Iterator[bytes]:
        """The true numbers."""
        yield self.true_counts.astype(np.float32).tobytes()

    def of_file(self, numbers: NDArray[Any]) -> Counts:
        """What an exported file counted."""
        return Counts(self.example_ids, numbers, self.true_counts)

    def save(self, path: Path) -> None:
        """Writes an ``.npz``."""
        np.savez_compressed(
            path, example_ids=self.example_ids, counted=self.counted, true_counts=self.true_counts, **kept_arrays(self)
        )

    @classmethod
    def load(cls, path: Path) -> Counts:
        """Reads it again."""
        with open_arrays(path, what="counts") as file:
            ids = file.array("example_ids", "U", None)
            counted, true = file.array("counted", "f", len(ids), 1), file.array("true_counts", "f", len(ids))
            return cls(ids, counted, true, from_arrays(file))
