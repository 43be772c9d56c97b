"""What a task of a plugin shows of the cell that is taken: its tables, with how to read them."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.cell import TablePanel
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import MISSING, number
from suite.report.layout import Section
from suite.report.tables import Box, Column, Table

__all__ = ["panel_sections"]


def panel_sections(comparison: Comparison) -> tuple[Section, ...]:
    """One section per panel of the cell that is taken on each data set, or that scores best; empty without panels."""
    several = len(comparison.datasets) > 1
    return tuple(
        Section(
            id=f"panel-{place}-{index}",
            title=f"{panel.title}, {dataset}" if several else panel.title,
            read=f"Of {cell.name}. {panel.read}",
            tables=(_table(panel),),
            folded=False,
        )
        for place, (dataset, cell) in enumerate(_taken(comparison), start=1)
        for index, panel in enumerate(cell.tables, start=1)
    )


def _taken(comparison: Comparison) -> Iterator[tuple[str, CellSummary]]:
    taken = {one.dataset: one.cell_id for one in comparison.recommendations}
    for dataset in comparison.datasets:
        cells = [cell for cell in comparison.cells if cell.dataset == dataset and cell.panels]
        chosen = [cell for cell in cells if cell.cell_id == taken.get(dataset)] or cells
        if chosen:
            yield dataset, chosen[0]


def _table(panel: TablePanel) -> Table:
    numeric = [all(isinstance(row[at], float | None) for row in panel.rows) for at in range(len(panel.columns))]
    columns = tuple(Column(name, number=is_number) for name, is_number in zip(panel.columns, numeric, strict=True))
    return Table(panel.title, columns, tuple(tuple(_box(value) for value in row) for row in panel.rows))


def _box(value: str | float | None) -> Box:
    if value is None:
        return Box(MISSING, "")
    return Box(value) if isinstance(value, str) else Box(number(value), value)
