"""Outputs of a classifier: probabilities of classes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.store.records.npz import open_arrays, require
from suite.store.records.outputs import Outputs, from_arrays, kept_arrays

__all__ = ["Predictions"]


@dataclass(frozen=True)
class Predictions(Outputs):
    """What a fitted classifier says of one evaluation set. NumPy only."""

    kind: ClassVar[str] = "class"

    example_ids: NDArray[np.str_]
    """Shape ``(n,)``."""
    targets: NDArray[np.int64]
    """Class indices, shape ``(n,)``."""
    probabilities: NDArray[np.float32]
    """Shape ``(n, classes)``; rows sum to 1."""
    class_names: tuple[str, ...]
    scored: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    """What metrics of plugins said when they were there; see ``suite.metrics.plugin_metrics``."""

    @functools.cached_property
    def labels(self) -> NDArray[np.int64]:
        """The predicted class index per example, shape ``(n,)``."""
        labels: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return labels

    @property
    def numbers(self) -> NDArray[np.float32]:
        """The probabilities."""
        return self.probabilities

    @property
    def strata(self) -> NDArray[np.int64]:
        """The true classes."""
        return self.targets

    def truth(self) -> Iterator[bytes]:
        """The true classes."""
        yield np.ascontiguousarray(self.targets, dtype=np.int64).tobytes()

    def of_file(self, numbers: NDArray[Any]) -> Predictions:
        """Of the probabilities that a file gave."""
        return Predictions(self.example_ids, self.targets, numbers, self.class_names)

    @classmethod
    def same_answers(cls, numbers: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
        """Where both name the same class."""
        return np.asarray(numbers.argmax(axis=1) == others.argmax(axis=1))

    def take(self, rows: NDArray[np.int64]) -> Predictions:
        """The examples at these positions, in their order; a position may come several times."""
        ids, targets, probabilities = self.example_ids[rows], self.targets[rows], self.probabilities[rows]
        return Predictions(ids, targets, probabilities, self.class_names)

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles."""
        arrays: dict[str, Any] = {
            "example_ids": self.example_ids,
            "targets": self.targets,
            "probabilities": self.probabilities,
            "class_names": np.array(json.dumps(self.class_names)),
        }
        np.savez_compressed(path, **arrays, **kept_arrays(self))

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        with open_arrays(path, what="predictions") as file:
            ids = file.array("example_ids", "U", None)
            names = file.json("class_names")
            require(isinstance(names, list) and all(isinstance(one, str) for one in names), "its class names are none")
            probabilities = file.array("probabilities", "f", len(ids), len(names))
            require(probabilities.shape[1] > 0 and bool(np.isfinite(probabilities).all()), "its probabilities are none")
            targets = file.array("targets", "iu", len(ids))
            inside = not len(targets) or (targets.min() >= 0 and targets.max() < probabilities.shape[1])
            require(bool(inside), "its targets are classes that there are not")
            return cls(ids, targets, probabilities, tuple(names), from_arrays(file))
