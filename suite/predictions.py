"""What a fitted model says of the examples of one evaluation set, as arrays."""

from __future__ import annotations

import functools
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.npz import read_array

__all__ = ["Predictions"]


@dataclass(frozen=True)
class Predictions:
    """What a fitted model says of one evaluation set. NumPy only."""

    example_ids: NDArray[np.str_]
    """Shape ``(n,)``."""
    targets: NDArray[np.int64]
    """Class indices, shape ``(n,)``."""
    probabilities: NDArray[np.float32]
    """Shape ``(n, classes)``; rows sum to 1."""
    class_names: tuple[str, ...]

    @functools.cached_property
    def labels(self) -> NDArray[np.int64]:
        """The predicted class index per example, shape ``(n,)``."""
        labels: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return labels

    def take(self, rows: NDArray[np.int64]) -> Predictions:
        """The examples at these positions, in their order; a position may come several times."""
        ids, targets, probabilities = self.example_ids[rows], self.targets[rows], self.probabilities[rows]
        return Predictions(ids, targets, probabilities, self.class_names)

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles."""
        np.savez_compressed(
            path,
            example_ids=self.example_ids,
            targets=self.targets,
            probabilities=self.probabilities,
            class_names=np.array(json.dumps(self.class_names)),
        )

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        try:
            with zipfile.ZipFile(path) as file:
                return cls(
                    example_ids=read_array(file, "example_ids"),
                    targets=read_array(file, "targets"),
                    probabilities=read_array(file, "probabilities"),
                    class_names=tuple(json.loads(str(read_array(file, "class_names")))),
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise StoreError(f"{path.name}: predictions cannot be read ({error}); rerun with --redo all.") from error
