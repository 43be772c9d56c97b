"""The section on slices of the test set: where a model is weak that is good on the whole."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.advice.wording import between, points, quality
from suite.compare.cell import SliceScore, SliceScores
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import MISSING, count, score, thin
from suite.compare.slices import FEWEST
from suite.report.layout import Section
from suite.report.sections.dataset_charts import chosen_cell, subject
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["slices_section"]

READ = (
    "The headline on parts of the test set. Nothing was fitted on them. Each score has the 95 % interval of its own "
    f"examples; of several slices one is the lowest by luck alone, and those with fewer than {FEWEST} examples are "
    "never called the worst."
)


def slices_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where the spec names no slices."""
    sliced = [cell for cell in comparison.cells if cell.slices]
    if not sliced:
        return ()
    several = len(comparison.datasets) > 1
    found = tuple(
        table
        for dataset in comparison.datasets
        for name in dict.fromkeys(one.name for cell in comparison.ranking(dataset) for one in cell.slices)
        if (table := _table(comparison, dataset, name, named=several)).rows
    )
    sentences = [
        text
        for dataset in comparison.datasets
        if (cell := chosen_cell(comparison, dataset)) is not None
        for text in _sentences(comparison, cell)
    ]
    alike = dict.fromkeys(
        f"All test examples are alike by {_plainly(one.name)}."
        for cell in sliced
        for one in cell.slices
        if len(one.scores) == 1
    )
    reasons = dict.fromkeys(one.reason for cell in sliced for one in cell.slices if one.reason)
    return (
        Section(
            "slices",
            "Slices of the test set",
            thin(READ),
            first=found[0] if found else None,
            tables=found[1:],
            folded=False,
            sentences=tuple(map(thin, (*sentences, *alike, *(f"Not sliced: {reason}" for reason in reasons)))),
        ),
    )


def _sentences(comparison: Comparison, cell: CellSummary) -> Iterator[str]:
    """Of the cell that is taken: its worst slice by each property, and how far it is behind the best."""
    metric = comparison.headline
    for one in cell.slices:
        by_name = {each.name: each for each in one.scores}
        if one.worst is None or one.best is None or one.gap is None:
            continue
        worst, best = by_name[one.worst], by_name[one.best]
        if worst.value is None or best.value is None:
            continue
        ends = between(worst.low, worst.high, metric)
        interval = f" (95 % interval {ends}, {count(worst.examples)} examples)" if ends else ""
        yield (
            f"By {_plainly(one.name)}, {subject(cell)} is worst on {worst.name}: {quality(worst.value, metric)}"
            f"{interval}, {points(one.gap, metric)} behind {best.name}."
        )


def _plainly(name: str) -> str:
    return name.replace("_", " ")


def _table(comparison: Comparison, dataset: str, name: str, *, named: bool) -> Table:
    """The cells on the slices of one property."""
    cells = [
        (cell, found)
        for cell in comparison.ranking(dataset)
        if (found := next((one for one in cell.slices if one.name == name and len(one.scores) > 1), None)) is not None
    ]
    title = f"By {_plainly(name)}: {dataset}" if named else f"By {_plainly(name)}"
    if not cells:
        return Table(title, (MODEL, STRATEGY), ())
    sizes = {one.name: one.examples for one in cells[0][1].scores}
    columns = (
        MODEL,
        STRATEGY,
        *(Column(value, f"{count(size)} examples", number=True) for value, size in sizes.items()),
        Column("worst"),
        Column("gap", number=True),
    )
    rows = tuple((*cell_names(cell), *_row(found, sizes)) for cell, found in cells)
    return Table(title, columns, rows, narrow=len(sizes) <= 8)


def _row(found: SliceScores, sizes: dict[str, int]) -> Iterator[Box]:
    by_name = {one.name: one for one in found.scores}
    for value in sizes:
        yield _box(by_name.get(value))
    yield Box(found.worst or MISSING, found.worst or "")
    yield Box(score(found.gap), "" if found.gap is None else found.gap)


def _box(one: SliceScore | None) -> Box:
    if one is None or one.value is None:
        return Box(MISSING, "", (one.reason or "") if one else "")
    text = score(one.value, low=one.low, high=one.high)
    if one.low is None or one.high is None:
        return Box(text, one.value, one.reason or "")
    ends = f"{score(one.low, low=one.low, high=one.high)} to {score(one.high, low=one.low, high=one.high)}"
    return Box(f"{text} ({ends})", one.value)
