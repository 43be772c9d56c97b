"""The section "Labels": what to take with how many of them, curves and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite.compare.comparison import CellSummary, Comparison, LabelPoint, Labels
from suite.compare.label_budgets.wording import called_short, point_words
from suite.compare.number_format import MISSING, count, number, score, thin
from suite.registry import CHARTS
from suite.report.charts.render import specification
from suite.report.layout import Drawing, Group, Section
from suite.report.tables import DATASET, MODEL, STRATEGY, Box, Column, Table

__all__ = ["budgets_of", "labels_section"]

READ = (
    "Every model was also fitted with fewer labels. All models had the same ones, fewer are always part of more, and "
    "each seed drew its own. Settings were chosen on an equal share of the validation set, since labels that choose "
    "are labels too; the test set is whole. The rest of this report is about the most labels."
)


def labels_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where there is one label budget."""
    if not comparison.labels:
        return ()
    several = len(comparison.datasets) > 1
    return (
        Section(
            "labels",
            "Labels",
            READ,
            charts=tuple(_groups(comparison, several=several)),
            tables=tuple(_tables(comparison, several=several)),
            first=_answers_table(comparison, several=several),
            opening=tuple(
                thin(f"{one.dataset}: {sentence}" if several else sentence)
                for one in comparison.labels
                for sentence in (*one.answers, *one.sentences)
            ),
        ),
    )


def budgets_of(comparison: Comparison) -> int:
    """How many label budgets were compared; 0 where there is one."""
    return max((len(one.points) for one in comparison.labels), default=0)


def _groups(comparison: Comparison, *, several: bool) -> Iterator[Group]:
    variant = CHARTS.get("labels")
    for place, labels in enumerate(comparison.labels):
        chart = variant.build(comparison, dataset=labels.dataset)
        if chart is not None:
            key = "labels" if place == 0 else f"labels-{place + 1}"
            drawing = Drawing(
                key, variant.title, f"{variant.title}: {variant.summary}", specification(chart, known=True)
            )
            yield Group(labels.dataset if several else "", (drawing,), thin(variant.how_to_read))


def _answers_table(comparison: Comparison, *, several: bool) -> Table:
    """What to take at each number of labels."""
    columns = (
        *((DATASET,) if several else ()),
        Column("labels", long=True),
        Column("training", "examples", number=True),
        Column("validation", "examples", number=True),
        Column("take", long=True),
        Column(comparison.headline.label, number=True, best_high=comparison.headline.higher_is_better),
        Column("95 % interval", number=True),
        Column("may be best", "cells", number=True),
    )
    rows = tuple(
        (*((Box(labels.dataset),) if several else ()), *_answer_row(comparison, labels, point))
        for labels in comparison.labels
        for point in labels.points
    )
    return Table("What to take with how many labels", columns, rows)


def _answer_row(comparison: Comparison, labels: Labels, point: LabelPoint) -> tuple[Box, ...]:
    cells = comparison.cells_at(labels.dataset, point)
    taken = next((cell for cell in cells if cell.cell_id == point.take), None)
    names = {cell.cell_id: called_short(cell) for cell in cells}
    others = [names[one] for one in point.tied if one != point.take and one in names]
    why = point.reason or "no cell keeps the limits"
    return (
        Box(thin(point_words(point)), point.train if point.train is not None else ""),
        _count(point.train),
        _count(point.validation),
        Box(called_short(taken)) if taken else Box(MISSING, "", why),
        *_score_and_ends(taken),
        Box(str(len(others)), len(others), ", ".join(others)) if taken else Box(MISSING, ""),
    )


def _score_and_ends(cell: CellSummary | None) -> tuple[Box, Box]:
    headline = cell.headline if cell else None
    if headline is None:
        return Box(MISSING, ""), Box(MISSING, "")
    low, high = headline.interval or (None, None)
    ends = MISSING if low is None or high is None else f"{score(low)} to {score(high)}".replace("-", "−")
    return (
        Box(score(headline.value, low=low, high=high), headline.value),
        Box(ends, "" if low is None else low, headline.reason or ""),
    )


def _tables(comparison: Comparison, *, several: bool) -> Iterator[Table]:
    """Scores, and the steps of fits with epochs, by cell and number of labels."""
    for labels in comparison.labels:
        of = f": {labels.dataset}" if several else ""
        ids = _by_name(comparison, labels)
        columns = tuple(Column(thin(point_words(point)), number=True, best_high=True) for point in labels.points)
        scores = tuple((*_names(name), *(_score(cells.get(i)) for i in range(len(columns)))) for name, cells in ids)
        yield Table(f"Scores by the number of labels{of}", (MODEL, STRATEGY, *columns), scores)
        steps = tuple(
            (*_names(name), *(_steps(labels.points[i], cells.get(i)) for i in range(len(columns))))
            for name, cells in ids
            if any(cell.cell_id in labels.points[i].steps for i, cell in cells.items())
        )
        if steps:
            yield Table(f"Optimizer steps of one fit{of}", (MODEL, STRATEGY, *columns), steps)


def _by_name(comparison: Comparison, labels: Labels) -> list[tuple[tuple[str, str], dict[int, CellSummary]]]:
    """Model and strategy, best with the most labels first, to the cell at each point."""
    found: dict[tuple[str, str], dict[int, CellSummary]] = {}
    order = sorted(range(len(labels.points)), key=lambda index: not labels.points[index].front)
    for index in order:
        for cell in comparison.cells_at(labels.dataset, labels.points[index]):
            found.setdefault((cell.model, cell.strategy), {})[index] = cell
    return [(name, cells) for name, cells in found.items() if any(cell.headline for cell in cells.values())]


def _names(name: Sequence[str]) -> tuple[Box, ...]:
    return tuple(map(Box, name))


def _score(cell: CellSummary | None) -> Box:
    headline = cell.headline if cell else None
    if headline is None:
        return Box(MISSING, "")
    low, high = headline.interval or (None, None)
    ends = "" if low is None else f"{score(low)} to {score(high)}"
    return Box(score(headline.value, low=low, high=high), headline.value, ends)


def _steps(point: LabelPoint, cell: CellSummary | None) -> Box:
    found = point.steps.get(cell.cell_id) if cell else None
    return Box(MISSING, "") if found is None else Box(number(found) if found % 1 else count(round(found)), found)


def _count(value: int | None) -> Box:
    return Box(count(value), "" if value is None else value)
