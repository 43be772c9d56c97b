"""May this cell be the best?  The one verdict that the leaderboard, the answer and every export print.

Every cell is held against the best-scoring one of its data set: multiple comparisons with the best (Hsu 1984,
Constrained Simultaneous Confidence Intervals for Multiple Comparisons with the Best, Annals of Statistics 12).  Which
cell scores best is luck too, so the differences that are allowed for are those of every cell that may be the best with
every cell: all pairs at first, where nothing is known; then only pairs with a cell that was not found worse, as long as
that finds more (a model confidence set, Hansen, Lunde and Nason 2011, Econometrica 79).  Where one cell is left, these
are its k - 1 comparisons with the others.  The critical value of the last round makes all intervals of the data set,
which hold the truth together in 95 of 100 comparisons and leave out 0 exactly where a cell is called worse
(``benchmarks/statistics.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.compare.cell import BestComparison, CellSummary
from suite.compare.statistics.saved_evidence import EvidenceRecord
from suite.compare.statistics.simultaneous import Family, Luck, luck_of

__all__ = ["RULE", "Contender", "Contest", "contest_of", "held_against_best", "verdicts"]

Array = NDArray[np.float64]
Places = NDArray[np.int64]
RULE = 3
"""Raised with every change that may give the same evidence another verdict: what was judged before is judged anew."""


@dataclass(frozen=True)
class Contender:
    """One cell, as the comparison with the best sees it."""

    name: str
    """Its cell id, or what else tells it from the others."""
    score: float
    evidence: EvidenceRecord | None
    """None where nothing was kept: then nothing can be said of it."""


@dataclass(frozen=True)
class Contest:
    """The cells of a data set that can be held against each other, best first; made by ``contest_of``."""

    names: tuple[str, ...]
    scores: Array
    """Turned so that higher is better."""
    luck: Luck
    with_best: Family
    """Differences of every cell that may be the best with every cell."""
    all_pairs: Family

    def behind(self) -> tuple[Array, Array, Array]:
        """How far each cell is behind the first, with the ends of the simultaneous intervals; 0 for the first."""
        gaps = self.scores[0] - self.scores
        first = np.zeros(len(gaps), dtype=np.int64)
        reach = self.with_best.reaches(gaps, first, np.arange(len(gaps)))
        reach[0] = 0.0
        return gaps, gaps - reach, gaps + reach


def held_against_best(
    cells: Sequence[CellSummary], *, higher_is_better: bool
) -> tuple[dict[str, BestComparison | None], Contest | None]:
    """Cell id to its verdict, and the contest that they come from; None where nothing can be tested.

    Args:
        cells: Of one data set, with a score, best first.
        higher_is_better: Of the headline.
    """
    contenders = [Contender(cell.cell_id, cell.headline.value, cell.evidence) for cell in cells if cell.headline]
    contest = contest_of(contenders, higher_is_better=higher_is_better)
    found = _verdicts(contenders, contest)
    return {one.name: verdict for one, verdict in zip(contenders, found, strict=True)}, contest


def verdicts(contenders: Sequence[Contender], *, higher_is_better: bool) -> tuple[BestComparison | None, ...]:
    """The verdict on each contender; None where it, or the best-scoring one, has no evidence.

    Args:
        contenders: Best score first.
        higher_is_better: Of the metric.

    Raises:
        ValueError: Where resamples cannot be read.
    """
    return _verdicts(contenders, contest_of(contenders, higher_is_better=higher_is_better))


def contest_of(contenders: Sequence[Contender], *, higher_is_better: bool) -> Contest | None:
    """The contest of those that have evidence; None where none has.

    Raises:
        ValueError: Where resamples cannot be read.
    """
    able = [(one, one.evidence) for one in contenders if one.evidence is not None]
    if not able:
        return None
    scores = np.array([one.score for one, _ in able]) * (1.0 if higher_is_better else -1.0)
    luck = luck_of([evidence for _, evidence in able])
    all_pairs = luck.family(np.ones(len(able), dtype=bool))
    return Contest(
        names=tuple(one.name for one, _ in able),
        scores=scores,
        luck=luck,
        with_best=_with_best(scores, luck, all_pairs),
        all_pairs=all_pairs,
    )


def _with_best(scores: Array, luck: Luck, family: Family) -> Family:
    """The family of the last round: as long as a round finds more cells worse, the next one looks at fewer pairs."""
    first = np.zeros(len(scores), dtype=np.int64)
    others, gaps = np.arange(len(scores)), scores[0] - scores
    candidates = np.ones(len(scores), dtype=bool)
    while (fewer := candidates & (family.statistics(gaps, first, others) <= family.critical)).sum() < candidates.sum():
        candidates = fewer
        family = luck.family(candidates, near=family.critical)
    return family


def _verdicts(contenders: Sequence[Contender], contest: Contest | None) -> tuple[BestComparison | None, ...]:
    found: list[BestComparison | None] = [None] * len(contenders)
    if contest is None or contest.names[0] != contenders[0].name:
        return tuple(found)
    place = {name: row for row, name in enumerate(contest.names)}
    settled = True
    columns = [column.tolist() for column in contest.behind()]
    for at, one in enumerate(contenders):
        if one.evidence is None:
            continue
        behind, low, high = (column[place[one.name]] for column in columns)
        settled = settled and low <= 0
        found[at] = BestComparison(
            verdict="worse" if low > 0 else "may_be_best" if settled else "unsettled",
            behind=behind,
            low=low,
            high=high,
            against=contest.names[0],
        )
    return tuple(found)
