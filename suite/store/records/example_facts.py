"""What is known of the examples of an evaluation set besides what is true of them: their groups and slices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import StoreError
from suite.store.records.npz import Arrays

__all__ = ["NOTHING_KNOWN", "ExampleFacts", "require_one_each"]

GROUPS, SLICES, SLICE = "groups", "slices", "slice."
"""Arrays in a file of outputs: the groups, the names of slices, and what begins the name of each slice's own."""


@dataclass(frozen=True)
class ExampleFacts:
    """Of the examples of one evaluation set, in its order."""

    groups: NDArray[np.int64] | None = None
    """Examples with one number belong together, shape ``(n,)``: luck is counted by groups. None where each stands for
    itself."""
    slices: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    """Name of a property to what each example is by it, shape ``(n,)``."""

    def take(self, rows: NDArray[np.int64]) -> ExampleFacts:
        """Of the examples at these positions."""
        groups = None if self.groups is None else self.groups[rows]
        return ExampleFacts(groups, {name: values[rows] for name, values in self.slices.items()})

    def arrays(self) -> dict[str, Any]:
        """As they are put into a file."""
        groups = {} if self.groups is None else {GROUPS: self.groups}
        names = {SLICES: np.array(json.dumps(list(self.slices)))} if self.slices else {}
        return {**groups, **names, **{f"{SLICE}{at}": values for at, values in enumerate(self.slices.values())}}

    @classmethod
    def from_arrays(cls, file: Arrays) -> ExampleFacts:
        """Reads them again. Raises as ``Arrays.array`` does."""
        names = file.names()
        return cls(
            groups=file.array(GROUPS, "iu", None).astype(np.int64) if GROUPS in names else None,
            slices={
                str(name): file.array(f"{SLICE}{at}", "U", None)
                for at, name in enumerate(file.json(SLICES) if SLICES in names else ())
            },
        )


NOTHING_KNOWN = ExampleFacts()


def require_one_each(facts: ExampleFacts, examples: int, path: Path) -> None:
    """Raises ``StoreError`` where there are more or fewer facts than examples."""
    lengths = {len(values) for values in (*facts.slices.values(), *(() if facts.groups is None else (facts.groups,)))}
    if lengths - {examples}:
        raise StoreError(f"{path.name}: its groups or slices are those of other examples.")
