"""Check ``equal_seeds``: seeds that change nothing where they should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from suite.compare.advice.settle import seeds_coincide
from suite.errors import StoreError
from suite.lint.subjects import LooksAt, Run, place_of
from suite.store.records.check import Finding
from suite.store.records.result import Result

__all__ = ["EqualSeeds"]


class EqualSeeds:
    """Fits with epochs, which see the examples in another order with each seed, that end exactly alike.

    A probe or a vote of neighbours has no epochs and gives the same model with every seed, as it should.
    """

    summary: ClassVar[str] = "trained cells whose seeds all give the very same model"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding]:
        """Per cell with at least two finished seeds that trained in epochs."""
        for cell in subject.ranked:
            finals = subject.finals(cell)
            trained = len(finals) > 1 and all(result.history for result in finals)
            if trained and seeds_coincide(cell):
                how = _alike(finals, subject)
                if how:
                    yield Finding(
                        check="equal_seeds",
                        severity="warning",
                        what=f"All {len(finals)} seeds give the same score and the same {how}.",
                        where=place_of(cell),
                        why="The seed does not reach the fit, or one result was copied: the spread over seeds, 0 here, "
                        "says nothing of how much another seed would change.",
                        mend="Look whether the strategy uses its seed (order of examples, start of the head, dropout), "
                        "then run the cell again with --redo all.",
                    )


def _alike(finals: Sequence[Result], run: Run) -> str:
    """What is equal to the last bit over all seeds; empty where something differs, or nothing can be compared."""
    try:
        loaded = [run.load_predictions(result, "test") for result in finals]
    except StoreError:
        loaded = [None]
    there = [one.numbers for one in loaded if one is not None]
    if len(there) == len(finals):
        return "predictions" if all(np.array_equal(there[0], other) for other in there[1:]) else ""
    losses = {tuple(epoch.train_loss for epoch in result.history) for result in finals}
    return "losses in every epoch" if len(losses) == 1 else ""
