"""Check ``test_size``: test sets that are too small for the differences between neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from suite.compare.comparison import CellSummary, DatasetFacts
from suite.finding import Finding
from suite.lint.subjects import LeftOut, LooksAt, Run

__all__ = ["TestSize", "examples_needed"]


class TestSize:
    """Whether the gaps in the ranking are larger than what the test set can show."""

    summary: ClassVar[str] = "test sets too small for the differences between neighbours in rank"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding | LeftOut]:
        """One finding per data set; a warning where no cell at all can be told from another."""
        apart = {pair.dataset for pair in subject.comparison.pairs if pair.different}
        for facts in subject.comparison.facts.tests:
            ranking = subject.comparison.ranking(facts.dataset)
            if len(ranking) < 2:
                continue
            if facts.smallest_difference is None or not facts.examples:
                yield LeftOut(facts.dataset, "without kept predictions it is not known what its test set can show.")
            else:
                yield from _of_ranking(facts, ranking, told_apart=facts.dataset in apart)


def examples_needed(examples: int, smallest_difference: float, gap: float, *, seed_share: float = 0.0) -> int | None:
    """Test examples with which a gap would just show: their part of the error shrinks with the root of the number.

    Returns:
        None where the part that comes from seeds hides the gap whatever the number.
    """
    room = (gap / smallest_difference) ** 2 - seed_share
    return math.ceil(examples * (1 - seed_share) / room) if room > 0 else None


def _of_ranking(facts: DatasetFacts, ranking: tuple[CellSummary, ...], *, told_apart: bool) -> Iterator[Finding]:
    smallest, examples = facts.smallest_difference or 0.0, facts.examples or 0
    values = [cell.headline.value for cell in ranking if cell.headline is not None]
    gaps = [abs(first - second) for first, second in pairwise(values)]
    close = [gap for gap in gaps if gap < smallest]
    if not close:
        return
    next_best = next((value for value in values if value != values[0]), None)
    gap = abs(values[0] - next_best) if next_best is not None else 0.0
    needed = _what_would_do(facts, gap) if 0 < gap < smallest else ""
    yield Finding(
        check="test_size",
        severity="note" if told_apart else "warning",
        what=f"{examples:,} test examples show differences from {_points(smallest)}; {len(close)} of {len(gaps)} "
        f"neighbours in rank are closer.{'' if told_apart else ' No two cells can be told apart.'}{needed}",
        where=f"{facts.dataset}, test",
        why="Neighbours this close would change places on another test set of this size, or with other seeds: their "
        "order is chance.",
        mend="Read the verdicts, not the ranks"
        + ("; for a finer answer take more test examples and more seeds." if told_apart else
           ", and take more test examples and more seeds before choosing by score."),
    )  # fmt: skip


def _what_would_do(facts: DatasetFacts, gap: float) -> str:
    share = facts.seed_share or 0.0
    needed = examples_needed(facts.examples or 0, facts.smallest_difference or 0.0, gap, seed_share=share)
    opening = f" To tell the best from the next, {_points(gap)} behind, "
    if needed is None:
        return f"{opening}more seeds would be needed: theirs alone hide it, whatever the number of test examples."
    return f"{opening}about {_rounded(needed)} test examples would be needed."


def _points(value: float) -> str:
    points = 100 * value
    return f"{points:.1f} points" if points >= 0.1 else f"{points:.2g} points"


def _rounded(number: int) -> str:
    """Two digits: the estimate is no better."""
    digits = max(0, len(str(number)) - 2)
    return f"{round(number, -digits):,}"
