"""What changed between two specs, value by value; entries of lists are known by their names, not by their places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from suite.compare.advice.settle import what_settles
from suite.compare.cell import MetricInfo
from suite.publish.change_tests import Judged, Side, judge, why_not
from suite.publish.difference import (
    CellDifference,
    CellName,
    CostChange,
    CostName,
    DatasetChange,
    DataState,
    RunDifference,
    RunName,
    SpecChange,
    Trend,
    TrendKind,
    Verdict,
    VersionChange,
    WeightsChange,
    WinnerChange,
)
from suite.publish.difference_words import moved_words, proof_words, scores_of, sentences_of, summary_of
from suite.publish.record import CellRecord, DatasetRecord, EvidenceRecord, RunRecord

__all__ = ["TIMES", "Evidence", "Key", "TwoRuns", "cell_differences", "differ", "key_of", "spec_changes", "trend"]

IGNORED = frozenset({"$schema"})
NAMES = ("label", "name", "preset", "path", "handle", "strategy", "format", "corruption", "source")
"""What an entry of a list is called by: the first of these that it has."""
MOST_PAIRS = 10_000


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[SpecChange, ...]:
    """Every value that was added, removed or changed, with the path where it stands.

    Objects in lists are matched by the name that they give themselves, and among equal names those that differ least;
    their order changes nothing.  Lists of anything else are one value.
    """
    return tuple(_of_objects("", before, after))


def _of_objects(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[SpecChange]:
    for key in dict.fromkeys([*before, *after]):
        if path or key not in IGNORED:
            place = f"{path}.{key}" if path else str(key)
            yield from _of_values(place, before.get(key, _ABSENT), after.get(key, _ABSENT))


class _Absent:
    """What a key that is not there has for a value: ``null`` is a value of JSON."""


_ABSENT = _Absent()


def _of_values(path: str, before: Any, after: Any) -> Iterator[SpecChange]:
    if isinstance(before, _Absent) or isinstance(after, _Absent):
        if isinstance(before, _Absent):
            yield SpecChange(path=path, kind="added", after=after)
        else:
            yield SpecChange(path=path, kind="removed", before=before)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(path, before, after)
    elif _is_named(before) and _is_named(after):
        yield from _of_lists(path, before, after)
    elif not _equal(before, after):
        yield SpecChange(path=path, kind="changed", before=before, after=after)


def _equal(before: Any, after: Any) -> bool:
    """True is not 1, and 1.0 is 1: as JSON has them."""
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _is_named(value: Any) -> bool:
    """Whether it is a list of objects; an empty list may be one."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, Mapping) for one in value)


def _of_lists(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[SpecChange]:
    groups: dict[str, tuple[list[Any], list[Any]]] = {}
    for side, entries in enumerate((before, after)):
        for entry in entries:
            groups.setdefault(_name_of(entry), ([], []))[side].append(entry)
    for name, (old, new) in groups.items():
        several = max(len(old), len(new)) > 1
        for number, (one, other) in enumerate(_matched(old, new), start=1):
            yield from _of_values(f"{path}[{name} #{number}]" if several else f"{path}[{name}]", one, other)


def _name_of(entry: Mapping[str, Any]) -> str:
    return next((str(entry[key]) for key in NAMES if isinstance(entry.get(key), str)), "entry")


def _matched(old: list[Any], new: list[Any]) -> list[tuple[Any, Any]]:
    """Entries of one name in pairs, in the order before: those that differ least first; what is left over alone."""
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, place, at in sorted(_distances(old, new)):
        if place not in partner and at not in taken:
            partner[place] = at
            taken.add(at)
    pairs = [(one, new[partner[place]] if place in partner else _ABSENT) for place, one in enumerate(old)]
    return pairs + [(_ABSENT, other) for at, other in enumerate(new) if at not in taken]


def _distances(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int, int]]:
    """How many values differ between every two; of very many only those at the same place."""
    if len(old) * len(new) > MOST_PAIRS:
        yield from ((0, place, place) for place in range(min(len(old), len(new))))
        return
    for place, one in enumerate(old):
        for at, other in enumerate(new):
            yield sum(1 for _ in _of_values("", one, other)), place, at


# The cells of two runs held against each other, one by one: what can be tested, and what came of it.

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


# Two records of runs to what changed between them. Pure; needs neither run's folder.


def differ(before: RunRecord, after: RunRecord, evidence_before: Evidence, evidence_after: Evidence) -> RunDifference:
    """Everything that changed from one run to another; cells are matched by model, strategy and data set.

    Args:
        before: The one run.
        after: The other.
        evidence_before: Cell id to what is kept of its scores.
        evidence_after: The same of the other.
    """
    two = TwoRuns(before, after, evidence_before, evidence_after)
    old, new = ({key_of(cell) for cell in run.cells} for run in (before, after))
    found = RunDifference(
        before=_run(before),
        after=_run(after),
        metric=two.metric,
        spec=spec_changes(before.spec, after.spec),
        versions=tuple(_versions(before.versions, after.versions)),
        devices_before=before.devices,
        devices_after=after.devices,
        data=tuple(_data(before.datasets, after.datasets)),
        weights=tuple(_weights(two)),
        cells=cell_differences(two),
        only_before=tuple(two.named(cell, before) for cell in before.cells if key_of(cell) not in new),
        only_after=tuple(two.named(cell, after) for cell in after.cells if key_of(cell) not in old),
        winners=tuple(_winners(two)),
    )
    found = found.model_copy(update={"sentences": sentences_of(found)})
    return found.model_copy(update={"scores": scores_of(found), "summary": summary_of(found)})


def trend(
    before: RunRecord,
    after: RunRecord,
    evidence_before: Evidence,
    evidence_after: Evidence,
    *,
    dataset: str,
    which: Literal["taken", "best"] = "taken",
) -> Trend | None:
    """Whether the answer for one data set moved beyond noise; None where either run has no answer for it.

    One test at 5 %: of a history of twenty points at which nothing changed, one is marked all the same.

    Args:
        before: A point of a history.
        after: The next.
        evidence_before: Cell id to what is kept of its scores.
        evidence_after: The same of the next.
        dataset: Label of the data set.
        which: The cell that each run recommends, or the one with its best score.
    """
    two = TwoRuns(before, after, evidence_before, evidence_after)
    one, other = (_answer(run, dataset, which) for run in (before, after))
    if one is None or other is None:
        return None
    found = Trend(
        dataset=dataset,
        kind="none",
        before=two.named(one, before),
        after=two.named(other, after),
        difference=two.gap(one, other),
        moved=moved_words(two.gap(one, other), two.metric),
    )
    if two.is_same(one, other):
        return found.model_copy(update={"paired": True, "notes": ("The same scores, seed for seed.",)})
    reason = two.why_not(one, other)
    if reason is not None:
        return found.model_copy(update={"kind": "unknown", "reason": reason})
    (judged,) = two.judged([(one, other)])
    moved: TrendKind = "improvement" if judged.difference > 0 else "regression"
    names = ("difference", "low", "high", "p_value", "paired", "notes")
    update = {name: getattr(judged, name) for name in names}
    if not judged.different:
        sizes = (evidence_before[one.cell_id].size, evidence_after[other.cell_id].size)
        seeds = min(len(side.score.seeds) if side.score else 0 for side in (one, other))
        update["proof"] = proof_words(seeds, min(sizes), judged.seed_share or 0.0)
    return found.model_copy(update=update | {"kind": moved if judged.different else "none"})


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[VersionChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield VersionChange(name=name, before=before.get(name), after=after.get(name))


def _data(before: Iterable[DatasetRecord], after: Iterable[DatasetRecord]) -> Iterator[DatasetChange]:
    old, new = ({one.name: one for one in datasets} for datasets in (before, after))
    for name in dict.fromkeys([*new, *old]):
        one, other = old.get(name), new.get(name)
        yield DatasetChange(
            name=name,
            state=_state(one, other),
            home=any(side is not None and side.home for side in (one, other)),
            fingerprint_before=one.fingerprint if one else None,
            fingerprint_after=other.fingerprint if other else None,
            sizes_before=one.sizes if one else {},
            sizes_after=other.sizes if other else {},
        )


def _state(one: DatasetRecord | None, other: DatasetRecord | None) -> DataState:
    if one is None:
        return "only after"
    if other is None:
        return "only before"
    if not one.fingerprint or not other.fingerprint:
        return "unknown"
    return "same" if one.fingerprint == other.fingerprint else "other content"


def _weights(two: TwoRuns) -> Iterator[WeightsChange]:
    """Each change of a model once, whatever its strategies; a model without pretrained weights has none."""
    changed = {
        (other.model, one.weights, other.weights): None
        for one, other in two.matched
        if one.weights and other.weights and one.weights != other.weights
    }
    for model, old, new in changed:
        yield WeightsChange(model=model, before=old, after=new)


def _winners(two: TwoRuns) -> Iterator[WinnerChange]:
    theirs = {one.name for one in two.before.home_datasets}
    for dataset in (one.name for one in two.after.home_datasets if one.name in theirs):
        one, other = (_answer(run, dataset, "taken") for run in (two.before, two.after))
        again = next((cell for cell in two.after.cells if one is not None and key_of(cell) == key_of(one)), None)
        yield WinnerChange(
            dataset=dataset,
            before=two.named(one, two.before) if one else None,
            after=two.named(other, two.after) if other else None,
            still=again is not None and again.best is not None and again.best.verdict == "may_be_best",
        )


def _answer(run: RunRecord, dataset: str, which: Literal["taken", "best"]) -> CellRecord | None:
    ranking = run.ranking(dataset)
    return next((cell for cell in ranking if which == "best" or cell.taken), None)


def _run(record: RunRecord) -> RunName:
    return RunName(
        name=record.name,
        title=record.title,
        id=record.id if record.address else "",
        ended_at=record.ended_at,
        trials_planned=record.trials_planned,
        trials_finished=record.trials_finished,
        trials_missing=record.trials_missing,
    )
