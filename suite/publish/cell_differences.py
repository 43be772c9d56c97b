"""The cells of two runs held against each other, one by one: what can be tested, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from suite.compare.advice.settle import what_settles
from suite.compare.cell import MetricInfo
from suite.publish.change_tests import Judged, Side, judge, why_not
from suite.publish.change_words import moved_words, proof_words
from suite.publish.difference import CellDifference, CellName, CostChange, CostName, Verdict
from suite.publish.record import CellRecord, EvidenceRecord, RunRecord

__all__ = ["TIMES", "Evidence", "Key", "TwoRuns", "cell_differences", "key_of"]

Evidence = Mapping[str, EvidenceRecord]
"""Cell id to what is kept of its scores."""
Key = tuple[str, str, str]
COSTS: tuple[CostName, ...] = (
    "latency_ms", "training_seconds", "parameters", "trainable_parameters", "macs", "size_bytes",
)  # fmt: skip
TIMES = frozenset({"latency_ms", "training_seconds"})


@dataclass(frozen=True)
class TwoRuns:
    """Two runs, the earlier first, and what is kept of their scores."""

    before: RunRecord
    after: RunRecord
    evidence_before: Evidence
    evidence_after: Evidence

    @cached_property
    def metric(self) -> MetricInfo | None:
        """What both are compared by: the headline of both, else of one of them that the other's cells have too."""
        if self.same_headline:
            return self.after.headline
        for metric in (self.after.headline, self.before.headline):
            if all(any(cell.metrics.get(metric.name) is not None for cell in run.cells) for run in self._runs):
                return metric
        return None

    @property
    def same_headline(self) -> bool:
        """Whether both rank by the same metric."""
        return self.before.headline.name == self.after.headline.name

    @property
    def _runs(self) -> tuple[RunRecord, RunRecord]:
        return self.before, self.after

    @cached_property
    def matched(self) -> tuple[tuple[CellRecord, CellRecord], ...]:
        """The cells that both have, in the order after."""
        old = {key_of(cell): cell for cell in self.before.cells}
        return tuple((old[key_of(cell)], cell) for cell in self.after.cells if key_of(cell) in old)

    def scores(self, one: CellRecord, other: CellRecord) -> tuple[float | None, float | None]:
        """The score of a cell before and of one after, in the metric's own direction."""
        return _score(one, self.before, self.metric), _score(other, self.after, self.metric)

    def named(self, cell: CellRecord, run: RunRecord) -> CellName:
        """A cell of one of the runs without what else was measured of it."""
        return CellName(
            cell_id=cell.cell_id,
            model=cell.model,
            strategy=cell.strategy,
            dataset=cell.dataset,
            score=_score(cell, run, self.metric),
        )

    def gap(self, one: CellRecord, other: CellRecord) -> float | None:
        """How much better the cell after is; None where a score is missing."""
        old, new = self.scores(one, other)
        if self.metric is None or old is None or new is None:
            return None
        return new - old if self.metric.higher_is_better else old - new

    def is_same(self, one: CellRecord, other: CellRecord) -> bool:
        """Whether nothing was run again, as far as scores can tell: the same, seed for seed, on the same examples."""
        if not self.same_headline or one.score is None or other.score is None or not one.score.seeds:
            return False
        alike = one.score.value == other.score.value and one.score.seeds == other.score.seeds
        first, second = self.evidence_before.get(one.cell_id), self.evidence_after.get(other.cell_id)
        return alike and (first is None or second is None or _told(first) == _told(second))

    def why_not(self, one: CellRecord, other: CellRecord) -> str | None:
        """Why two cells have no test, as the end of a sentence; None where they have one."""
        if not self.same_headline:
            return (
                f"the runs rank by other metrics, {self.before.headline.label} and {self.after.headline.label}, and "
                "only the mean of the other one was kept."
            )
        missing = [word for cell, word in ((one, "before"), (other, "after")) if not _has_score(cell)]
        if missing:
            return f"there is no score {' and '.join(missing)}."
        old = why_not(self.evidence_before.get(one.cell_id))
        new = why_not(self.evidence_after.get(other.cell_id))
        if old is not None and old == new:
            return f"{old} in either run."
        told = [f"{why} {word}" for why, word in ((old, "before"), (new, "after")) if why is not None]
        return f"{'; '.join(told)}." if told else None

    def sides(self, one: CellRecord, other: CellRecord) -> tuple[Side, Side]:
        """Two cells that ``why_not`` has nothing against, as they are tested."""
        old, new = self.scores(one, other)
        if old is None or new is None:
            raise ValueError("a cell without a score cannot be tested")
        return Side(old, self.evidence_before[one.cell_id]), Side(new, self.evidence_after[other.cell_id])

    def judged(self, pairs: list[tuple[CellRecord, CellRecord]]) -> tuple[Judged, ...]:
        """The tests of cells that ``why_not`` has nothing against, corrected for all of them."""
        if self.metric is None:
            return ()
        return judge([self.sides(*pair) for pair in pairs], higher_is_better=self.metric.higher_is_better)


def cell_differences(two: TwoRuns) -> tuple[CellDifference, ...]:
    """Every matched cell with its verdict; p-values are corrected for all that are tested."""
    same = [two.is_same(*pair) for pair in two.matched]
    reasons = [None if alike else two.why_not(*pair) for pair, alike in zip(two.matched, same, strict=True)]
    able = [place for place, alike in enumerate(same) if not alike and reasons[place] is None]
    judged = dict(zip(able, two.judged([two.matched[place] for place in able]), strict=True))
    found = []
    for place, pair in enumerate(two.matched):
        cell = _untested(two, *pair)
        if place in judged:
            cell = cell.model_copy(update=_tested(judged[place], cell))
        elif same[place]:
            cell = cell.model_copy(update={"verdict": "same", "paired": True})
        else:
            cell = cell.model_copy(update={"reason": reasons[place]})
        found.append(cell)
    return tuple(found)


def key_of(cell: CellRecord) -> Key:
    """What makes it the same cell in another run."""
    return cell.model, cell.strategy, cell.dataset


def _tested(judged: Judged, cell: CellDifference) -> dict[str, object]:
    names = (
        "difference", "low", "high", "p_value", "p_corrected", "paired", "smallest_detectable", "seed_share", "notes",
    )  # fmt: skip
    found: dict[str, object] = {name: getattr(judged, name) for name in names}
    if judged.different:
        return found | {"verdict": "better" if judged.difference > 0 else "worse"}
    share = judged.seed_share or 0.0
    settling = what_settles(
        abs(judged.difference),
        judged.smallest_detectable or 0.0,
        examples=cell.examples,
        seeds=cell.seeds,
        seed_share=share,
        whose="in each run",
    )
    verdict: Verdict = "not proven"
    settles = "" if settling is None else settling.words
    return found | {"verdict": verdict, "proof": proof_words(cell.seeds, cell.examples, share), "settles": settles}


def _untested(two: TwoRuns, one: CellRecord, other: CellRecord) -> CellDifference:
    """What is known of a matched cell without a test."""
    old, new = two.scores(one, other)
    gap = two.gap(one, other)
    sides = [two.evidence_before.get(one.cell_id), two.evidence_after.get(other.cell_id)]
    return CellDifference(
        model=other.model,
        strategy=other.strategy,
        dataset=other.dataset,
        cell_before=one.cell_id,
        cell_after=other.cell_id,
        before=old,
        after=new,
        difference=gap,
        seeds=min(len(side.score.seeds) if side.score else 0 for side in (one, other)),
        examples=min(0 if side is None else side.size for side in sides),
        moved=moved_words(gap, two.metric),
        verdict="not comparable",
        rank_before=one.rank,
        rank_after=other.rank,
        costs=tuple(_costs(one, other)),
    )


def _score(cell: CellRecord, run: RunRecord, metric: MetricInfo | None) -> float | None:
    """The headline where the metric is the run's own, else what is kept of its mean."""
    if metric is None:
        return None
    if run.headline.name == metric.name:
        return cell.score.value if cell.score else None
    return cell.metrics.get(metric.name)


def _has_score(cell: CellRecord) -> bool:
    return cell.score is not None and math.isfinite(cell.score.value)


def _told(evidence: EvidenceRecord) -> tuple[str, float, float, str]:
    return evidence.examples, evidence.centre, evidence.step, evidence.resamples


def _costs(one: CellRecord, other: CellRecord) -> Iterator[CostChange]:
    """What was measured of both."""
    moved = bool(one.costs.device and other.costs.device) and one.costs.device != other.costs.device
    for name in COSTS:
        old, new = getattr(one.costs, name), getattr(other.costs, name)
        if old is not None and new is not None:
            ratio = new / old if old else None
            yield CostChange(name=name, before=old, after=new, ratio=ratio, other_device=moved and name in TIMES)
