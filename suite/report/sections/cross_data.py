"""The section on models that are tested on the data set of others, where the spec asks for it."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.advice.wording import points, quality
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import MISSING, count, score, thin
from suite.compare.robustness.records import CrossCell
from suite.report.layout import Section
from suite.report.sections.dataset_charts import chosen_cell, headed_charts, interval_box, share_box, subject
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["cross_section"]

READ = (
    "Trained on one data set, tested on another. Classes are matched by name, and only those that both have are "
    "scored: examples of others are left out, and a model chooses among the shared classes alone."
)


def cross_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where data sets were not crossed."""
    crossed = [cell for cell in comparison.cells if cell.cross]
    if not crossed:
        return ()
    sentences = [
        text
        for dataset in comparison.datasets
        if (cell := chosen_cell(comparison, dataset)) is not None
        for one in cell.cross
        if (text := _sentence(comparison, cell, one)) is not None
    ]
    return (
        Section(
            "cross-data",
            "Trained here, tested there",
            READ,
            charts=headed_charts(comparison, ("cross_data",), lambda _chart, _dataset: ()),
            tables=(_table(comparison, crossed),),
            sentences=tuple(map(thin, (*sentences, *_without_score(crossed)))),
        ),
    )


def _sentence(comparison: Comparison, cell: CellSummary, one: CrossCell) -> str | None:
    """What a cell reaches elsewhere, and how that is to home; None where it has no score there."""
    if one.score.value is None:
        return None
    metric = comparison.headline
    text = f"Trained on {cell.dataset}, {subject(cell)} reaches {quality(one.score.value, metric)} on {one.dataset}"
    if one.at_home is not None and one.drop is not None:
        word = "worse" if one.drop >= 0 else "better"
        text += f", {points(abs(one.drop), metric)} {word} than at home"
    return f"{text} ({len(one.classes)} shared classes)."


def _without_score(cells: list[CellSummary]) -> Iterator[str]:
    """Pairs of data sets that were not scored, each once, with the reason."""
    told: set[frozenset[str]] = set()
    for cell in cells:
        for one in cell.cross:
            pair = frozenset((cell.dataset, one.dataset))
            if one.score.value is None and pair not in told:
                told.add(pair)
                yield f"No score for {cell.dataset} and {one.dataset}: {one.score.reason or 'it is missing.'}"


def _table(comparison: Comparison, cells: list[CellSummary]) -> Table:
    """Every pair of data sets, cell by cell."""
    label = comparison.headline.label
    columns = (
        MODEL,
        STRATEGY,
        Column("trained on"),
        Column("tested on"),
        Column("shared classes", number=True),
        Column("examples", number=True),
        Column(label, "there", number=True, best_high=comparison.headline.higher_is_better),
        Column("95 % interval", number=True),
        Column(label, "at home, same classes", number=True, best_high=comparison.headline.higher_is_better),
        Column("lost", number=True),
    )
    return Table("Every pair of data sets", columns, tuple(_row(cell, one) for cell in cells for one in cell.cross))


def _row(cell: CellSummary, one: CrossCell) -> tuple[Box, ...]:
    reason = one.score.reason or ""
    return (
        *cell_names(cell),
        Box(cell.dataset),
        Box(one.dataset),
        Box(str(len(one.classes)), len(one.classes), ", ".join(one.classes[:12])),
        Box(count(one.examples), "" if one.examples is None else one.examples, reason),
        share_box(one.score.value, reason),
        interval_box(one.score),
        share_box(one.at_home, reason),
        Box(MISSING if one.drop is None else score(one.drop).replace("-", "−"), "" if one.drop is None else one.drop),
    )
