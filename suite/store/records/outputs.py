"""Outputs: what a fitted model says of the examples of one evaluation set, as arrays.

A kind of outputs is one class with a name, ``kind``: ``class`` for the probabilities of classes, ``text`` for generated
texts.  A package adds another with an entry point in the group ``suite.outputs`` under the name of its kind.  What is
done with outputs whichever kind they are is asked of them here; what only makes sense for one kind (a confusion matrix,
a reliability diagram) asks for that kind by its class.
"""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.registry import OUTPUTS
from suite.store.records.example_facts import NOTHING_KNOWN, ExampleFacts, require_one_each
from suite.store.records.npz import Arrays, open_arrays

__all__ = ["Outputs", "from_arrays", "kept_arrays", "load_outputs"]

KIND = "kind"
"""Name of the array that says which kind a file is of; the first two kinds are known by what is in theirs."""
SCORED = "scored."
"""Begins the names of arrays that metrics of plugins left."""


class Outputs(ABC):
    """What a fitted model says of one evaluation set. NumPy only.

    A subclass is a frozen dataclass with at least the fields ``example_ids`` and ``scored``.
    """

    kind: ClassVar[str]
    """Name in the registry; metrics say which kind they read by it."""
    example_ids: NDArray[np.str_]
    """Shape ``(n,)``."""
    scored: Mapping[str, NDArray[np.float64]]
    """What metrics of plugins said when they were there; see ``suite.metrics.plugin_metrics``."""

    facts: ExampleFacts = NOTHING_KNOWN
    """What is known of each example besides; given by ``with_facts``, so that no kind has to hold it."""

    def __len__(self) -> int:
        """How many examples."""
        return len(self.example_ids)

    @property
    @abstractmethod
    def numbers(self) -> NDArray[Any]:
        """What the model itself gave for each example, as numbers: shape ``(n, ...)``.

        Fits are told apart by them, and exported files held against the model.
        """

    @property
    def strata(self) -> NDArray[np.int64]:
        """The class of each example, within which stratified metrics resample; zeros where there are none. ``(n,)``."""
        return np.zeros(len(self), dtype=np.int64)

    @abstractmethod
    def take(self, rows: NDArray[np.int64]) -> Self:
        """The examples at these positions, in their order; a position may come several times."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles; a kind that is not the suite's own puts ``kept_arrays`` in it."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""

    @abstractmethod
    def truth(self) -> Iterator[bytes]:
        """What is true of the examples, as bytes: two fits can be paired where it is equal."""

    def with_scored(self, scored: Mapping[str, NDArray[np.float64]]) -> Self:
        """The same with what metrics of plugins say of it."""
        made: Self = replace(cast("Any", self), scored=scored)
        return made.with_facts(self.facts)

    def with_facts(self, facts: ExampleFacts) -> Self:
        """The same with what is known of each example besides."""
        made = copy.copy(self)
        object.__setattr__(made, "facts", facts)
        return made

    def is_finite(self) -> bool:
        """Whether every number is one."""
        return bool(np.isfinite(self.numbers).all())

    def examples_key(self) -> str:
        """A hash over ids, truth and groups, hex: equal exactly where two fits can be paired."""
        digest = hashlib.sha256(np.ascontiguousarray(self.example_ids).tobytes())
        digest.update(str(self.example_ids.dtype).encode())
        for part in self.truth():
            digest.update(part)
        if self.facts.groups is not None:
            digest.update(self.facts.groups.astype(np.int64).tobytes())
        return digest.hexdigest()

    def of_file(self, numbers: NDArray[Any]) -> Self:
        """The outputs of an exported file for the same examples, from the ``numbers`` that it gave.

        Raises:
            NotImplementedError: For a kind whose files give something else.
        """
        raise NotImplementedError(f"outputs of the kind '{self.kind}' cannot be made of what a file gives.")

    @classmethod
    def same_answers(cls, numbers: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
        """For which examples two programs that should give the same ``numbers`` give the same answer: ``(n,)``."""
        close = np.isclose(numbers, others, rtol=1e-2, atol=1e-3)
        return np.asarray(close.reshape(len(close), -1).all(axis=1))


def kept_arrays(outputs: Outputs) -> dict[str, Any]:
    """What every file of outputs has besides its own arrays: its kind, what metrics of plugins said, and the facts."""
    scored = {f"{SCORED}{name}": values for name, values in outputs.scored.items()}
    return {KIND: np.array(outputs.kind), **scored, **outputs.facts.arrays()}


def from_arrays(file: Arrays) -> dict[str, NDArray[np.float64]]:
    """What metrics of plugins said, read again. Raises as ``Arrays.array`` does."""
    names = [name for name in file.names() if name.startswith(SCORED)]
    return {name.removeprefix(SCORED): file.array(name, "f", None) for name in names}


def load_outputs(path: Path) -> Outputs:
    """Reads what ``save`` wrote, whichever kind it is: the arrays in the file tell.

    Raises:
        StoreError: Where the file is missing or damaged, or of a kind that a plugin adds which is not there.
    """
    with open_arrays(path, what="predictions") as file:
        names = file.names()
        found = "text" if "passages" in names else str(file.array(KIND, "U")) if KIND in names else "class"
        facts = ExampleFacts.from_arrays(file)
    if found not in OUTPUTS:
        raise StoreError(f"{path.name}: outputs of the kind '{found}', which a plugin adds that is not there.")
    kind: type[Outputs] = OUTPUTS.get(found)
    outputs = kind.load(path)
    require_one_each(facts, len(outputs), path)
    return outputs.with_facts(facts)
