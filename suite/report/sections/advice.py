"""The answer on the page: what to take, what would change it, why not the others, what to try next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from suite.compare.advice.readiness import dataset_answers
from suite.compare.advice.what_would_change import listed
from suite.compare.advice.wording import called
from suite.compare.comparison import CellSummary, Comparison, Recommendation
from suite.compare.number_format import MISSING, plural, score
from suite.report.layout import Answer, Section
from suite.report.tables import Box, Column, Table

__all__ = ["MOST_ANSWERS", "answers", "answers_table", "losers_table", "next_section"]

MOST_ANSWERS = 6
"""With more data sets than that their answers are a table."""


def answers(comparison: Comparison) -> tuple[Answer, ...]:
    """One per data set, in their order; where nothing keeps the limits, what would; while there is none, that."""
    found = {one.dataset: _answer(one) for one in comparison.recommendations}
    for missed in comparison.unmet:
        found[missed.dataset] = Answer(missed.dataset, missed.take, (missed.text,))
    if len(found) > MOST_ANSWERS:
        return (_most_often(comparison, len(found)),)
    said = {one.dataset: Answer(one.dataset, one.take, ()) for one in dataset_answers(comparison)} | found
    if not found and comparison.datasets:
        return (said[comparison.datasets[0]],)
    return tuple(said[dataset] for dataset in comparison.datasets)


def answers_table(comparison: Comparison) -> Table | None:
    """What to take for each data set, where there are many of them; None where there are few."""
    if len(comparison.recommendations) + len(comparison.unmet) <= MOST_ANSWERS:
        return None
    columns = (
        Column("data set"),
        Column("take"),
        Column(comparison.headline.label, number=True, best_high=comparison.headline.higher_is_better),
        Column("what is said of it", long=True, narrow=False),
    )
    rows = {answer.dataset: _taken(comparison, answer) for answer in comparison.recommendations}
    for missed in comparison.unmet:
        rows[missed.dataset] = (Box(MISSING), Box(MISSING, ""), Box(missed.text))
    ordered = ((Box(dataset), *rows[dataset]) for dataset in comparison.datasets if dataset in rows)
    return Table("", columns, tuple(ordered))


def _taken(comparison: Comparison, answer: Recommendation) -> tuple[Box, ...]:
    cell = comparison.cell(answer.cell_id)
    value = cell.headline.value if cell.headline else None
    said = " ".join(reason.text for reason in answer.reasons if reason.kind != "quality")
    return (
        Box(called(cell) if answer.settled else f"no answer yet; leading: {called(cell)}"),
        Box(score(value), "" if value is None else value),
        Box(said or MISSING),
    )


def _most_often(comparison: Comparison, datasets: int) -> Answer:
    """Many data sets have no one answer: which cell is taken on most of them, and on how many."""
    taken = Counter(called(comparison.cell(answer.cell_id)) for answer in comparison.recommendations if answer.settled)
    waiting = next((answer for answer in comparison.recommendations if not answer.settled), None)
    if not taken and waiting is not None:
        return Answer("", waiting.take, ())
    if not taken:
        return Answer("", "No model keeps the limits on any data set.", ())
    most = max(taken.values())
    names = listed(sorted(name for name, times in taken.items() if times == most))
    each = " each" if sum(times == most for times in taken.values()) > 1 else ""
    return Answer("", f"Taken most often: {names},{each} on {most} of {datasets} data sets.", ())


def losers_table(comparison: Comparison, cells: Sequence[CellSummary]) -> Table:
    """Why each of the other cells was not chosen; without rows where nothing is recommended."""
    columns = (Column("rank", number=True), Column("model"), Column("strategy"), Column("why not", long=True))
    answer = next((one for one in comparison.recommendations if cells and one.dataset == cells[0].dataset), None)
    reasons = {one.cell_id: one.text for one in answer.others} if answer else {}
    rows = tuple(
        (
            Box(MISSING if cell.rank is None else str(cell.rank), "" if cell.rank is None else cell.rank),
            Box(cell.model),
            Box(cell.strategy),
            Box(reasons[cell.cell_id]),
        )
        for cell in cells
        if cell.cell_id in reasons
    )
    return Table("Why not the others", columns, rows)


def next_section(comparison: Comparison) -> Section:
    """What the results say to try next, by data set."""
    several = len(comparison.datasets) > 1
    lists = tuple(
        (one.dataset if several else "", tuple(step.text for step in one.next_steps))
        for one in comparison.recommendations
        if one.next_steps
    )
    read = "What the results of this run say to try next; every number is from them."
    return Section("next", "Next steps", read, lists=lists)


def _answer(found: Recommendation) -> Answer:
    reasons = [reason.text for reason in found.reasons[:5]]
    beyond = sum(bool(other.beyond) for other in found.others)
    if beyond:
        reasons.append(f"The limits leave out {plural(beyond, 'cell')} of {len(found.others) + 1}.")
    return Answer(
        found.dataset,
        found.take,
        tuple(reasons),
        (*(change.text for change in found.changes), *found.labels),
        found.leading,
    )
