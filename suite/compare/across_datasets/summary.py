"""The cells of several data sets to one comparison of methods: ranks, means, tests. Pure; no TensorFlow.

A data set counts where at least half of the methods have a score on it, so that one that is hardly begun does not
hold up the rest.  A method is compared where it has a score on every data set that counts; the others are listed
apart, since a mean over fewer, perhaps easier, data sets would flatter them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from suite.compare.across_datasets.records import (
    Across,
    Friedman,
    LackingMethod,
    LeftOutDataset,
    MeanOver,
    MethodAcross,
    MethodPair,
    MissingOn,
    Nemenyi,
)
from suite.compare.across_datasets.wording import answer_of, sentences_of
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.statistics.paired_tests import holm
from suite.compare.statistics.rank_tests import (
    DIGITS,
    FEWEST_DATASETS,
    SIGNIFICANT,
    Array,
    critical_difference,
    fewest_datasets,
    friedman,
    groups_of,
    nemenyi_p_values,
    normalised,
    ranks_of,
    signed_rank_p_values,
    z_scores,
)

if TYPE_CHECKING:
    from suite.compare.comparison import FailureRecord
    from suite.compare.planned import PlannedSkip, PlannedTrial

__all__ = ["Scored", "across_datasets", "compare_methods", "why_missing"]

Place = tuple[str, str, str]
"""Model, strategy, data set."""


@dataclass(frozen=True)
class Scored:
    """What is known of one method: its cell and score on each data set where it has one."""

    model: str
    strategy: str
    strategy_name: str
    scores: Mapping[str, float]
    """Data set to headline score."""
    cell_ids: Mapping[str, str]


def across_datasets(
    cells: Iterable[CellSummary], datasets: Sequence[str], metric: MetricInfo, reasons: Mapping[Place, str]
) -> Across | None:
    """The comparison over data sets; None where there is only one.

    Args:
        cells: Of all data sets.
        datasets: Labels, in the order of the plan.
        metric: The headline.
        reasons: Why a cell has no score; see ``why_missing``.
    """
    if len(datasets) < 2:
        return None
    found: dict[tuple[str, str], list[CellSummary]] = {}
    for cell in cells:
        found.setdefault((cell.model, cell.strategy), []).append(cell)
    methods = [
        Scored(
            model=model,
            strategy=strategy,
            strategy_name=own[0].strategy_name,
            scores={cell.dataset: cell.headline.value for cell in own if cell.headline is not None},
            cell_ids={cell.dataset: cell.cell_id for cell in own},
        )
        for (model, strategy), own in found.items()
    ]
    return compare_methods(methods, datasets, higher_is_better=metric.higher_is_better, reasons=reasons)


def compare_methods(
    methods: Sequence[Scored],
    datasets: Sequence[str],
    *,
    higher_is_better: bool,
    reasons: Mapping[Place, str] | None = None,
) -> Across:
    """Ranks methods over data sets and tests whether they differ.

    Scores from elsewhere, for instance of a published table, can be compared too.

    Args:
        methods: In any order; the result does not depend on it.
        datasets: Labels of all data sets.
        higher_is_better: Of the scores.
        reasons: Why a score is missing, where that is known.
    """
    finished = {dataset: sum(dataset in method.scores for method in methods) for dataset in datasets}
    counted = tuple(dataset for dataset in datasets if finished[dataset] and 2 * finished[dataset] >= len(methods))
    complete = [method for method in methods if method.scores.keys() >= set(counted)]
    can_compare = len(counted) > 1 and len(complete) > 1
    table = (
        _Table.by_mean_rank(complete, counted, len(datasets), higher_is_better=higher_is_better)
        if can_compare
        else None
    )
    pairs = table.pairs() if table else ()
    compared = table.methods() if table else ()
    others = [method for method in methods if not method.scores.keys() >= set(counted)]
    lacking = [_lacking(method, counted, reasons or {}) for method in others]
    made = Across(
        datasets=counted,
        of=len(datasets),
        methods=compared,
        lacking=tuple(sorted(lacking, key=lambda one: (-one.finished, one.model, one.strategy))),
        left_out=tuple(
            LeftOutDataset(dataset=dataset, finished=finished[dataset], of=len(methods))
            for dataset in datasets
            if dataset not in counted
        ),
        friedman=table.friedman() if table else None,
        nemenyi=table.nemenyi() if table else None,
        pairs=pairs,
        answer=None,
        sentences=(),
    )
    return made.model_copy(update={"answer": answer_of(made), "sentences": sentences_of(made)})


def why_missing(
    failures: Iterable[FailureRecord], skips: Iterable[PlannedSkip], missing: Iterable[PlannedTrial]
) -> dict[Place, str]:
    """Why cells have no score: what cannot be run, else what is not there yet, else what went wrong last."""
    reasons = {(one.model, one.strategy, one.dataset): f"{one.status}: {one.reason}" for one in failures}
    reasons |= {(one.model, one.strategy, one.dataset): "not there yet" for one in missing}
    return reasons | {(one.model, one.strategy, one.dataset): f"skipped: {one.reason}" for one in skips}


@dataclass(frozen=True)
class _Table:
    """Scores of the compared methods, best mean rank first; arrays have shape ``(data sets, methods)``."""

    entries: tuple[Scored, ...]
    datasets: tuple[str, ...]
    planned: int
    higher_is_better: bool
    scores: Array
    ranks: Array

    @classmethod
    def by_mean_rank(
        cls, methods: Sequence[Scored], datasets: tuple[str, ...], planned: int, *, higher_is_better: bool
    ) -> _Table:
        """Sorted by mean rank, then by mean score, then by name."""
        scores = np.array([[method.scores[dataset] for method in methods] for dataset in datasets])
        ranks = ranks_of(scores, higher_is_better=higher_is_better)
        sign = -1.0 if higher_is_better else 1.0
        keys = zip(ranks.mean(axis=0).round(DIGITS).tolist(), (sign * scores.mean(axis=0)).tolist(), strict=True)
        named = [(*key, method.model, method.strategy) for key, method in zip(keys, methods, strict=True)]
        order = sorted(range(len(methods)), key=named.__getitem__)
        entries = tuple(methods[index] for index in order)
        return cls(entries, datasets, planned, higher_is_better, scores[:, order], ranks[:, order])

    def friedman(self) -> Friedman | None:
        """Whether the methods differ at all; None where there are too few of them or of data sets."""
        count, methods = self.ranks.shape
        return friedman(self.ranks) if count >= FEWEST_DATASETS and methods > 2 else None

    def nemenyi(self) -> Nemenyi | None:
        """Which mean ranks differ; None where Friedman's test is not made either."""
        count, methods = self.ranks.shape
        if self.friedman() is None:
            return None
        difference = critical_difference(methods, count)
        groups = groups_of(self.ranks.mean(axis=0), difference)
        return Nemenyi(critical_difference=difference, groups=groups)

    def pairs(self) -> tuple[MethodPair, ...]:
        """Every pair, the better mean rank first, with as many tests as the number of data sets allows."""
        count, methods = self.ranks.shape
        firsts, seconds = np.triu_indices(methods, 1)
        sign = 1.0 if self.higher_is_better else -1.0
        gaps = np.round(sign * (self.scores[:, firsts] - self.scores[:, seconds]).T, DIGITS)
        p_values, favours = signed_rank_p_values(gaps)
        enough = count >= fewest_datasets(len(gaps))
        adjusted = holm(p_values)
        means = self.ranks.mean(axis=0)
        by_ranks = nemenyi_p_values(means[firsts] - means[seconds], methods, count) if self.nemenyi() else None
        favoured: dict[int, Literal["first", "second", "neither"]] = {1: "first", -1: "second", 0: "neither"}
        return tuple(
            MethodPair(
                first=int(firsts[at]),
                second=int(seconds[at]),
                wins=int((gaps[at] > 0).sum()),
                ties=int((gaps[at] == 0).sum()),
                losses=int((gaps[at] < 0).sum()),
                favours=favoured[int(favours[at])],
                p_value=float(p_values[at]) if enough else None,
                p_holm=float(adjusted[at]) if enough else None,
                p_nemenyi=None if by_ranks is None else float(by_ranks[at]),
                different=bool(enough and adjusted[at] < SIGNIFICANT),
            )
            for at in range(len(gaps))
        )

    def methods(self) -> tuple[MethodAcross, ...]:
        """What is told of each method."""
        means = self.ranks.mean(axis=0)
        shares = (len(self.entries) - self.ranks) / (len(self.entries) - 1)
        stretched = normalised(self.scores, higher_is_better=self.higher_is_better)
        standard = z_scores(self.scores, higher_is_better=self.higher_is_better)
        best = self.ranks == self.ranks.min(axis=1, keepdims=True)
        return tuple(
            MethodAcross(
                model=entry.model,
                strategy=entry.strategy,
                strategy_name=entry.strategy_name,
                place=1 + int((np.round(means - means[at], DIGITS) < 0).sum()),
                mean_rank=self._mean(self.ranks[:, at]),
                score=self._mean(self.scores[:, at]),
                normalised=self._mean(stretched[:, at]),
                z_score=self._mean(standard[:, at]),
                win_rate=self._mean(shares[:, at]),
                wins=int(best[:, at].sum()),
                cell_ids=tuple(entry.cell_ids[dataset] for dataset in self.datasets),
                scores=tuple(self.scores[:, at].tolist()),
                ranks=tuple(self.ranks[:, at].tolist()),
            )
            for at, entry in enumerate(self.entries)
        )

    def _mean(self, values: Array) -> MeanOver:
        there = [value for value in values.tolist() if math.isfinite(value)]
        mean = math.fsum(there) / len(there) if there else None
        return MeanOver(value=mean, count=len(there), of=self.planned)


def _lacking(method: Scored, counted: Sequence[str], reasons: Mapping[Place, str]) -> LackingMethod:
    missing = tuple(
        MissingOn(dataset=dataset, reason=reasons.get((method.model, method.strategy, dataset), "no score"))
        for dataset in counted
        if dataset not in method.scores
    )
    return LackingMethod(
        model=method.model, strategy=method.strategy, finished=len(counted) - len(missing), missing=missing
    )
