"""Check ``test_size``: test sets that are too small for the differences between neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from suite.compare.advice.settle import OpenPair, open_pair
from suite.compare.advice.wording import points
from suite.compare.comparison import CellSummary, Comparison, DatasetFacts
from suite.lint.subjects import LeftOut, LooksAt, Run
from suite.store.records.check import Finding

__all__ = ["TestSize"]


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
                yield from _of_ranking(facts, ranking, subject.comparison, told_apart=facts.dataset in apart)


def _of_ranking(
    facts: DatasetFacts, ranking: tuple[CellSummary, ...], comparison: Comparison, *, told_apart: bool
) -> Iterator[Finding]:
    smallest, examples = facts.smallest_difference or 0.0, facts.examples or 0
    values = [cell.headline.value for cell in ranking if cell.headline is not None]
    gaps = [abs(first - second) for first, second in pairwise(values)]
    close = [gap for gap in gaps if gap < smallest]
    if not close:
        return
    pairs = {(pair.better, pair.worse): pair for pair in comparison.pairs if pair.dataset == facts.dataset}
    found = open_pair(ranking, pairs, comparison.headline, examples=examples)
    of_groups = "" if facts.groups is None else f" of {facts.groups:,} groups"
    yield Finding(
        check="test_size",
        severity="note" if told_apart else "warning",
        what=f"{examples:,} test examples{of_groups} show differences from {points(smallest, comparison.headline)}; "
        f"{len(close)} of {len(gaps)} neighbours in rank are closer."
        f"{'' if told_apart else ' No two cells can be told apart.'}"
        f"{f' {found.text}' if found is not None else ''}",
        where=f"{facts.dataset}, test",
        why="Neighbours this close would change places on another test set of this size, or with other seeds: their "
        "order is chance.",
        mend=_mend(found),
    )


def _mend(found: OpenPair | None) -> str:
    if found is None or found.settling.ask == "nothing":
        return "Read who may be the best, not the ranks; among those, choose by cost."
    return f"Read who may be the best, not the ranks; for a finer answer take {found.settling.ask}."
