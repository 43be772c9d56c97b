"""Check ``training``: fits that diverged, and fits that did not move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from suite.compare.comparison import CellSummary, FailureRecord
from suite.lint.subjects import LooksAt, Run, place_of
from suite.store.records.check import Finding
from suite.store.records.result import EpochRecord

__all__ = ["Training", "standstill"]

FEWEST_EPOCHS = 3
"""Of fewer epochs nothing is said."""
STILL = 0.01
"""A loss that falls by less than this share of its first value does not move."""
SOLVED = 0.02
"""A training loss this low at the start has nowhere to go."""


class Training:
    """Runs whose loss is not a number, or stays where it was."""

    summary: ClassVar[str] = "fits that diverged, and fits whose loss or score does not move"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding]:
        """One finding per cell and kind."""
        diverged: dict[str, list[FailureRecord]] = {}
        for failure in subject.comparison.failures:
            if failure.status == "diverged":
                diverged.setdefault(failure.cell_id, []).append(failure)
        for failures in diverged.values():
            yield _diverged(failures)
        for cell in subject.comparison.cells:
            yield from _still(cell)


def standstill(epochs: Sequence[EpochRecord]) -> str | None:
    """How a fit stood still, in words that follow on a number of seeds; None where it moved.

    The training loss never falls by 1 % of its first value, or every epoch has the same validation score and a
    validation loss that moves by less than 1 %.
    """
    losses = [epoch.train_loss for epoch in epochs]
    if len(epochs) < FEWEST_EPOCHS or losses[0] <= SOLVED:
        return None
    if min(losses[1:]) > (1 - STILL) * losses[0]:
        return f"the training loss stays at {losses[0]:.3g} over {len(epochs)} epochs"
    scores = {epoch.validation_score for epoch in epochs}
    validation = [epoch.validation_loss for epoch in epochs]
    moved = max(validation) - min(validation)
    if len(scores) == 1 and scores != {1.0} and moved < STILL * abs(validation[0]):
        return f"the validation score is {scores.pop():.3f} in each of {len(epochs)} epochs"
    return None


def _diverged(failures: Sequence[FailureRecord]) -> Finding:
    first = failures[0]
    seeds = ", ".join(str(one.seed) for one in failures)
    count = f"{len(failures)} {'trial' if len(failures) == 1 else 'trials'} diverged"
    return Finding(
        check="training",
        severity="warning",
        what=f"{count} (seed {seeds}): {first.reason}",
        where=f"{first.model} x {first.dataset} x {first.strategy}",
        why="The mean of the cell covers only the seeds that went well, and flatters a setting that is not stable.",
        mend="Lower the learning rate or lengthen the warm-up, for every model of the strategy alike.",
    )


def _still(cell: CellSummary) -> Iterator[Finding]:
    found = {curve.seed: reason for curve in cell.curves if (reason := standstill(curve.epochs))}
    if not found:
        return
    seed, reason = next(iter(found.items()))
    yield Finding(
        check="training",
        severity="warning",
        what=f"{len(found)} of {len(cell.curves)} seeds did not learn: with seed {seed} {reason}.",
        where=place_of(cell),
        why="The score is that of the start, not of the model: it says nothing of what training would give.",
        mend="Raise the learning rate, train longer, or look whether the weights that should train are frozen.",
    )
