"""Two records of runs to what changed between them. Pure; needs neither run's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from suite.publish.cell_differences import Evidence, TwoRuns, cell_differences, key_of
from suite.publish.change_words import moved_words, proof_words
from suite.publish.difference import (
    DatasetChange,
    DataState,
    RunDifference,
    RunName,
    Trend,
    TrendKind,
    VersionChange,
    WeightsChange,
    WinnerChange,
)
from suite.publish.difference_words import scores_of, sentences_of, summary_of
from suite.publish.record import CellRecord, DatasetRecord, RunRecord
from suite.publish.spec_changes import spec_changes

__all__ = ["differ", "trend"]


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
