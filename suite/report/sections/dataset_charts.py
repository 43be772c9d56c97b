"""What the sections on corruption, confidence and crossed data sets share: charts by data set, and who is spoken of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from suite.compare.advice.wording import called, in_points
from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import MISSING, score, thin
from suite.compare.robustness.records import Estimate
from suite.registry import CHARTS
from suite.report.charts.render import specification
from suite.report.layout import Drawing, Group
from suite.report.tables import Box, Table

__all__ = [
    "Said",
    "chosen_cell",
    "each_dataset",
    "headed_charts",
    "interval_box",
    "points_box",
    "range_of",
    "share_box",
    "subject",
    "tabs_by_dataset",
]

MINUS = "−"
Said = Callable[[str, str], Sequence[str]]


def tabs_by_dataset(comparison: Comparison, names: Sequence[str]) -> tuple[Group, ...]:
    """Charts as tabs, one group per data set; those of which there is nothing to draw are left out."""
    groups = []
    for place, dataset in enumerate(comparison.datasets):
        tabs = tuple(tab for name in names if (tab := _drawing(comparison, name, dataset, place)) is not None)
        if tabs:
            groups.append(Group(dataset if len(comparison.datasets) > 1 else "", tabs))
    return tuple(groups)


def headed_charts(comparison: Comparison, names: Sequence[str], said: Said) -> tuple[Group, ...]:
    """Charts one after another, each under its title, with what follows from it first and how to read it then.

    Args:
        comparison: Of any number of data sets.
        names: Of the charts.
        said: A chart's name and a data set to the sentences on it.
    """
    several = len(comparison.datasets) > 1
    groups = []
    for name in names:
        for place, dataset in enumerate(comparison.datasets):
            drawing = _drawing(comparison, name, dataset, place)
            sentences = said(name, dataset)
            if drawing is not None or sentences:
                title = CHARTS.get(name).title
                read = (*sentences, CHARTS.get(name).how_to_read) if drawing is not None else sentences
                shown = (drawing,) if drawing is not None else ()
                named = several and "dataset" in inspect.signature(CHARTS.get(name).build).parameters
                groups.append(Group(f"{title}: {dataset}" if named else title, shown, thin(" ".join(read))))
    return tuple(groups)


def each_dataset(comparison: Comparison, make: Callable[[str], Table]) -> tuple[Table, ...]:
    """One table per data set, named where there are several; empty ones are left out."""
    made = []
    for dataset in comparison.datasets:
        table = make(dataset)
        title = f"{table.title}: {dataset}" if len(comparison.datasets) > 1 else table.title
        if table.rows:
            made.append(Table(title, table.columns, table.rows, table.glossary, table.narrow))
    return tuple(made)


def chosen_cell(comparison: Comparison, dataset: str) -> CellSummary | None:
    """The cell that is recommended for a data set, else its first."""
    taken = {one.dataset: one.cell_id for one in comparison.recommendations}
    ranked = comparison.ranking(dataset)
    return next((cell for cell in ranked if cell.cell_id == taken.get(dataset)), next(iter(ranked), None))


def subject(cell: CellSummary) -> str:
    """A cell before a verb: ``vgg_tiny with a linear probe``."""
    return called(cell).replace(f"{cell.model}, ", f"{cell.model} ", 1)


def share_box(value: float | None, title: str = "") -> Box:
    """A share with three digits."""
    return Box(score(value), "" if value is None else value, title)


def points_box(estimate: Estimate | None) -> Box:
    """What is lost, in points."""
    if estimate is None or estimate.value is None:
        return Box(MISSING, "", (estimate.reason or "") if estimate else "")
    return Box(in_points(estimate.value), estimate.value, range_of(estimate))


def interval_box(estimate: Estimate, show: Callable[[float], str] = score) -> Box:
    """The interval of an estimate; a dash with its reason where there is none."""
    if estimate.low is None or estimate.high is None:
        return Box(MISSING, "", estimate.reason or "")
    return Box(f"{show(estimate.low)} to {show(estimate.high)}".replace("-", MINUS), estimate.low)


def range_of(estimate: Estimate) -> str:
    """``11.2 to 14.0``, in points; empty where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{in_points(estimate.low)} to {in_points(estimate.high)}"


def _drawing(comparison: Comparison, name: str, dataset: str, place: int) -> Drawing | None:
    variant = CHARTS.get(name)
    of_dataset = "dataset" in inspect.signature(variant.build).parameters
    if place and not of_dataset:
        return None
    chart = variant.build(comparison, dataset=dataset) if of_dataset else variant.build(comparison)
    if chart is None:
        return None
    key = name if place == 0 else f"{name}-{place + 1}"
    return Drawing(key, variant.title, f"{variant.title}: {variant.summary}", specification(chart, known=True))
