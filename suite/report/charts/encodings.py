"""Pieces that several charts share: colour by model, shape by strategy, axes, and the frame of a chart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from suite.compare.comparison import Comparison
from suite.compare.number_format import WHOLE
from suite.report.charts.rows import Row, all_models, all_strategies
from suite.report.charts.theme import GUIDE, model_colours, strategy_shapes

__all__ = [
    "FRONT_LINE",
    "ROW_HEIGHT",
    "by_cell",
    "colour",
    "colour_scale",
    "direct_labels",
    "exact",
    "finish",
    "log_scale",
    "score_axis",
    "score_scale",
    "shape",
    "with_bars",
]

MOST_IN_LEGEND = 16
"""With more models their colours cannot be told apart; labels and tool tips name them."""
FRONT_LINE = {"strokeDash": [5, 4], "strokeWidth": 1.5, "color": GUIDE, "interpolate": "step-after"}
"""A front of what nothing else beats: level until the next better one."""
FAR = 2.0
"""Times the median width that a bar may reach to each side of its score."""
ROW_HEIGHT = 22
"""Pixels per row of a chart that has one row per cell."""


def colour(comparison: Comparison, *, legend: bool = True, shown: Sequence[Row] = ()) -> alt.Color:
    """Colour by model: the same for every chart of the comparison; the legend names the shown models only."""
    few = len(all_models(comparison)) <= MOST_IN_LEGEND
    return alt.Color(
        "model:N",
        scale=colour_scale(comparison, shown=shown),
        legend=alt.Legend(title="model", symbolType="circle") if legend and few else None,
    )


def colour_scale(comparison: Comparison, *, shown: Sequence[Row] = ()) -> alt.Scale:
    """Model to colour, for channels other than colour itself too."""
    colours = model_colours(all_models(comparison))
    wanted = {row["model"] for row in shown} or set(colours)
    names = [name for name in colours if name in wanted]
    return alt.Scale(domain=names, range=[colours[name] for name in names])


def shape(comparison: Comparison, *, shown: Sequence[Row] = ()) -> alt.Shape:
    """Shape by strategy, with a legend in grey."""
    shapes = strategy_shapes(all_strategies(comparison))
    names = [name for name in shapes if not shown or any(row["strategy"] == name for row in shown)]
    return alt.Shape(
        "strategy:N",
        scale=alt.Scale(domain=names, range=[shapes[name] for name in names]),
        legend=alt.Legend(title="strategy"),
    )


def by_cell(rows: Sequence[Row], *, lines: bool = False) -> alt.Y:
    """One place per cell, in the order of the rows, with a guiding line where asked."""
    return alt.Y(
        "cell:N",
        sort=list(dict.fromkeys(row["cell"] for row in rows)),
        axis=alt.Axis(title=None, grid=lines, labelLimit=260),
    )


def score_scale(rows: Sequence[Row], *fields: str) -> alt.Scale:
    """From the least to the most of these fields with a little room; fractions never leave 0 to 1."""
    values = [
        row[field] for row in rows for field in fields if row.get(field) is not None and math.isfinite(row[field])
    ]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.04 * (high - low) or 0.02
    ends = (low - room, high + room)
    if low >= 0 and high <= 1:
        ends = (max(0.0, ends[0]), min(1.0, ends[1]))
    return alt.Scale(domain=[round(end, 5) for end in ends], nice=False, zero=False)


def with_bars(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``bar_from`` and ``bar_to``: ends of their interval, cut where it is ``FAR`` wider than most.

    Two seeds far apart leave nearly everything open, and would press all other bars together.
    """
    widths = [row["high"] - row["low"] for row in rows if row["low"] is not None and row["high"] is not None]
    most = FAR * statistics.median(widths) if widths else 0.0
    return [
        {
            **row,
            "bar_from": None if row["low"] is None else max(row["low"], row["score"] - most),
            "bar_to": None if row["high"] is None else min(row["high"], row["score"] + most),
        }
        for row in rows
    ]


def score_axis(rows: Sequence[Row], *fields: str, title: str | None = None) -> alt.Axis:
    """An axis for scores: two decimals, or as many as it takes where values are larger than fractions and bits."""
    largest = max((abs(row[field]) for row in rows for field in fields if row.get(field) is not None), default=1.0)
    return alt.Axis(title=title, format=".2f" if largest < WHOLE else ",~g")


def direct_labels(across: alt.X, up: alt.Y) -> Any:
    """The layer of the texts that ``place_labels`` found places for, in the data ``labels``."""
    base = alt.Chart(alt.NamedData("labels")).properties(name="labels")
    texts = base.mark_text(
        align=alt.ExprRef("datum.align"), dx=alt.ExprRef("datum.dx"), dy=alt.ExprRef("datum.dy"), fontSize=12
    )
    return texts.encode(x=across, y=up, text=alt.Text("label:N"))


def log_scale() -> alt.Scale:
    """For costs: their ratios matter."""
    return alt.Scale(type="log", nice=False, padding=18)


def exact(*fields: tuple[str, str, str]) -> list[alt.Tooltip]:
    """Tool tips: (field with its type, title, number format or empty)."""
    return [
        alt.Tooltip(field, title=title, format=number) if number else alt.Tooltip(field, title=title)
        for field, title, number in fields
    ]


def finish(chart: Any, data: Mapping[str, Sequence[Row]], *, height: int | None = None, **hints: Any) -> Any:
    """The chart with its rows as named data, its height, and hints for the width that a page gives it."""
    # Set, not passed to properties(): Altair would check every row against its schema, which takes seconds.
    chart.datasets = {name: [_finite(row) for row in rows] for name, rows in data.items()}
    chart.usermeta = {"suite": hints}
    if height is not None:
        chart.height = height
    return chart


def _finite(row: Row) -> Row:
    """JSON has no word for NaN; what is not a number is missing."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }
