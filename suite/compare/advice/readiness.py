"""Whether there is an answer yet: the one rule for report, terminal, live page, site and Python.

There is none while a planned cell that might still win has no score.  A cell that the funnel dropped, that was skipped,
or whose trials all ended without a score, cannot win any more; a cell with a score of some of its seeds is in the
ranking already.  What leads so far is said in second place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from suite.compare.across_datasets.records import Across
from suite.compare.advice.records import NextStep, Unmet
from suite.compare.advice.wording import called, quality, range_of
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Comparison, Facts, Labels, Recommendation
from suite.compare.planned import PlannedTrial

__all__ = [
    "DatasetAnswer",
    "across_so_far",
    "cells_to_come",
    "dataset_answers",
    "labels_so_far",
    "no_answer_words",
    "so_far",
]

Given = Recommendation | Unmet


@dataclass(frozen=True)
class DatasetAnswer:
    """What is said of one data set, wherever an answer is printed."""

    dataset: str
    take: str
    """What to take, or that there is no answer yet, or that nothing keeps the limits."""
    leading: str = ""
    """What leads so far, while there is no answer; empty otherwise."""
    settled: bool = True


def cells_to_come(missing: Iterable[PlannedTrial], scored: Collection[str]) -> frozenset[str]:
    """Ids of the cells that have no score and are still to get one.

    Args:
        missing: Trials that are planned and not there yet, without those that budget or funnel leave out.
        scored: Ids of the cells that have a score.
    """
    return frozenset(trial.cell_id for trial in missing if trial.phase == "final") - frozenset(scored)


def no_answer_words(done: int, planned: int) -> str:
    """``No answer yet: 3 of 18 trials are done``, without a full stop."""
    noun = "trial" if planned == 1 else "trials"
    return f"No answer yet: {done:,} of {planned:,} {noun} {'is' if done == 1 else 'are'} done"


def so_far(
    answers: Iterable[Given],
    *,
    cells: Sequence[CellSummary],
    missing: Iterable[PlannedTrial],
    facts: Facts,
    metric: MetricInfo,
) -> tuple[Given, ...]:
    """The answers, where cells are still to come turned into what can be said so far.

    Args:
        answers: One per data set.
        cells: Of the comparison, by rank.
        missing: Trials that are planned and not there yet.
        facts: Of the comparison.
        metric: The headline.
    """
    to_come = cells_to_come(missing, {cell.cell_id for cell in cells if cell.headline is not None})

    def yet(answer: Given) -> Given:
        own = [cell for cell in cells if cell.dataset == answer.dataset]
        waiting = sum(cell.cell_id in to_come for cell in own)
        if not waiting:
            return answer
        take = _not_yet(facts, waiting, len(own))
        return _unmet(answer, take) if isinstance(answer, Unmet) else _leading(answer, take, own, metric)

    return tuple(yet(answer) for answer in answers)


def labels_so_far(
    labels: Iterable[Labels], *, cells: Sequence[CellSummary], missing: Iterable[PlannedTrial], facts: Facts
) -> tuple[Labels, ...]:
    """What more labels bring, without an answer where cells of some label budget are still to come."""
    waiting = tuple(missing)

    def yet(one: Labels) -> Labels:
        own = [cell for cell in cells if cell.dataset == one.dataset]
        own += [cell for point in one.points for cell in point.cells]
        to_come = cells_to_come(waiting, {cell.cell_id for cell in own if cell.headline is not None})
        count = sum(cell.cell_id in to_come for cell in own)
        return one.model_copy(update={"answers": (_not_yet(facts, count, len(own)),)}) if count else one

    return tuple(map(yet, labels))


def across_so_far(across: Across | None, answers: Iterable[Given], missing: Iterable[PlannedTrial]) -> Across | None:
    """What the data sets say together; that there is no answer yet, where one of them has none."""
    settled = {answer.dataset: answer.settled for answer in answers}
    waiting = {trial.dataset for trial in missing if not settled.get(trial.dataset, False)}
    if across is None or across.answer is None or not waiting:
        return across
    on = f"{len(waiting)} of {across.of} data sets {'has' if len(waiting) == 1 else 'have'}"
    return across.model_copy(update={"answer": f"No answer over all data sets yet: {on} none. So far: {across.answer}"})


def dataset_answers(comparison: Comparison) -> tuple[DatasetAnswer, ...]:
    """One for each data set, in their order, whatever has a score there."""
    found = {one.dataset: DatasetAnswer(one.dataset, one.text, settled=one.settled) for one in comparison.unmet}
    for one in comparison.recommendations:
        found[one.dataset] = DatasetAnswer(one.dataset, one.take, one.leading, one.settled)
    return tuple(found.get(name) or _without_score(comparison, name) for name in comparison.datasets)


def _without_score(comparison: Comparison, dataset: str) -> DatasetAnswer:
    if any(trial.dataset == dataset for trial in comparison.missing):
        facts = comparison.facts
        return DatasetAnswer(dataset, f"{no_answer_words(facts.trials_finished, facts.trials_planned)}.", settled=False)
    return DatasetAnswer(dataset, "No answer: no trial has ended with a score.", settled=False)


def _not_yet(facts: Facts, waiting: int, cells: int) -> str:
    """Trials are counted over the whole run, cells on the data set."""
    done = no_answer_words(facts.trials_finished, facts.trials_planned)
    what = "cell" if cells == 1 else "cells"
    return f"{done}; {waiting} of {cells} {what} {'has' if waiting == 1 else 'have'} no score."


def _leading(answer: Recommendation, take: str, own: Sequence[CellSummary], metric: MetricInfo) -> Recommendation:
    """Neither reasons nor limits that would change it: whoever comes later may lead."""
    first = next(cell for cell in own if cell.cell_id == answer.tied[0])
    step = NextStep(
        kind="finish",
        text="Finish the run: the command that began it goes on where it stopped.",
        numbers={},
        cell_ids=(),
    )
    return answer.model_copy(
        update={
            "take": take,
            "settled": False,
            "leading": _leads(first, metric, limited=bool(answer.limits)),
            "cell_id": first.cell_id,
            "chosen_by": "score",
            "reasons": (),
            "others": (),
            "changes": (),
            "labels": (),
            "next_steps": (step, *(one for one in answer.next_steps if one.kind != "settle")),
        }
    )


def _leads(cell: CellSummary, metric: MetricInfo, *, limited: bool) -> str:
    within = " within the limits" if limited else ""
    score = cell.headline
    if score is None:
        return f"Leading so far{within}: {called(cell)}."
    low, high = score.interval or (None, None)
    said = f"{metric.label} {quality(score.value, metric)}{range_of(low, high, metric)}"
    return f"Leading so far{within}: {called(cell)}, {said}."


def _unmet(answer: Unmet, take: str) -> Unmet:
    return answer.model_copy(update={"take": take, "settled": False, "text": f"{take} So far: {answer.text}"})
