"""What is kept beside predictions: labels under corruptions, probabilities of examples without a known class, texts.

None of it is ``Predictions``: a metric of such examples would be a number about nothing, so none can be asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.store.records.npz import open_arrays, require

__all__ = [
    "CORRUPTED",
    "LONGEST",
    "PASSAGES",
    "CorruptedLabels",
    "OutOfClass",
    "Passages",
    "file_safe",
    "out_of_class_name",
]

CORRUPTED = "corrupted"
"""Name of the artefact that holds the labels on all corrupted test sets of a trial."""
PASSAGES = "passages"
"""Name of the artefact that holds the texts of the home test set, so that a report can show examples."""
LONGEST = 600
"""Letters of a text that are kept; what is longer ends in an ellipsis."""


def file_safe(label: str) -> str:
    """A label as a file name: anything but letters, digits, dot, dash and underscore becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", label).strip("._") or "set"


def out_of_class_name(label: str) -> str:
    """Name of the artefact that holds what a model says of the examples of one out-of-class set."""
    return f"out_of_class/{label}"


@dataclass(frozen=True)
class CorruptedLabels:
    """The class that a model names for each example of each corrupted test set."""

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
        with open_arrays(path, what="labels on corrupted examples") as file:
            conditions = tuple((str(name), int(severity)) for name, severity in file.json("conditions"))
            return cls(conditions, file.array("labels", "iu", len(conditions), None))


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
        with open_arrays(path, what="answers to examples without a class") as file:
            ids = file.array("example_ids", "U", None)
            probabilities = file.array("probabilities", "f", len(ids), None)
            require(probabilities.shape[1] > 0 and bool(np.isfinite(probabilities).all()), "its probabilities are none")
            return cls(ids, probabilities)


@dataclass(frozen=True)
class Passages:
    """The texts of an evaluation set: predictions of classes do not hold them."""

    example_ids: NDArray[np.str_]
    texts: tuple[tuple[str, ...], ...]
    """One or two texts of each example, at most ``LONGEST`` letters each."""

    @classmethod
    def cut(cls, example_ids: NDArray[np.str_], texts: Iterable[Sequence[str]]) -> Passages:
        """The texts of these examples, in their order, each cut to ``LONGEST`` letters."""
        return cls(example_ids, tuple(tuple(map(_cut, example)) for example in texts))

    def by_id(self) -> dict[str, tuple[str, ...]]:
        """Example id to its texts."""
        return dict(zip(self.example_ids.tolist(), self.texts, strict=True))

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles, compressed."""
        np.savez_compressed(path, example_ids=self.example_ids, texts=np.array(json.dumps(self.texts)))

    @classmethod
    def load(cls, path: Path) -> Passages:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        with open_arrays(path, what="texts") as file:
            ids = file.array("example_ids", "U", None)
            texts = tuple(tuple(map(str, example)) for example in file.json("texts"))
            require(len(texts) == len(ids), "its texts are not one for each example")
            return cls(ids, texts)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
