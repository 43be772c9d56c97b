"""What is kept beside predictions: labels on damaged test sets, and probabilities of examples without a known class.

Neither is ``Predictions``: a metric of such examples would be a number about nothing, so none can be asked for.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.results import read_array

__all__ = ["CORRUPTED", "CorruptedLabels", "OutOfClass", "out_of_class_name"]

CORRUPTED = "corrupted"
"""Name of the artefact that holds the labels on all damaged test sets of a trial."""


def out_of_class_name(label: str) -> str:
    """Name of the artefact that holds what a model says of the examples of one out-of-class set."""
    return f"out_of_class/{label}"


@dataclass(frozen=True)
class CorruptedLabels:
    """The class that a model names for each example of each damaged test set."""

    conditions: tuple[tuple[str, int], ...]
    """Corruption and severity."""
    labels: NDArray[np.int32]
    """Class indices, shape ``(conditions, n)``; examples in the order of the predictions on ``test``."""

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles."""
        np.savez_compressed(path, labels=self.labels, conditions=np.array(json.dumps(self.conditions)))

    @classmethod
    def load(cls, path: Path) -> CorruptedLabels:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        found = _read(path, "labels", "conditions")
        try:
            conditions = tuple((str(name), int(severity)) for name, severity in json.loads(str(found["conditions"])))
        except (TypeError, ValueError) as error:
            raise _unreadable(path, error) from error
        return cls(conditions, found["labels"])


@dataclass(frozen=True)
class OutOfClass:
    """What a model says of examples that belong to none of its classes. They have no targets."""

    example_ids: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    """Of the known classes, shape ``(n, classes)``; rows sum to 1."""

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The largest probability of each example, shape ``(n,)``."""
        return np.asarray(self.probabilities.max(axis=1), dtype=np.float64)

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles."""
        np.savez_compressed(path, example_ids=self.example_ids, probabilities=self.probabilities)

    @classmethod
    def load(cls, path: Path) -> OutOfClass:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        found = _read(path, "example_ids", "probabilities")
        return cls(found["example_ids"], found["probabilities"])


def _read(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as file:
            return {name: read_array(file, name) for name in names}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path.name}: cannot be read ({error}); rerun with --redo all.")
