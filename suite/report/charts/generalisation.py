"""The same fitted models on data they were not fitted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import (
    ROW_HEIGHT,
    by_cell,
    colour,
    colour_scale,
    exact,
    finish,
    score_axis,
    score_scale,
    with_bars,
)
from suite.report.charts.rows import Row, generalisation_rows, score_title
from suite.report.charts.theme import GUIDE

__all__ = ["Generalisation"]


class Generalisation:
    """One line per cell: filled where it was tested at home, hollow on each further set."""

    summary: ClassVar[str] = "Score on the home test set and on each further one, with intervals."
    title: ClassVar[str] = "Generalisation"
    how_to_read: ClassVar[str] = (
        "The same fitted models on other data. A filled dot is the home test set, other shapes are further sets; "
        "the longer the line, the more is lost. Pale bars are 95 % intervals."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no further test set was scored."""
        points, spans = generalisation_rows(comparison, dataset)
        if not spans:
            return None
        points = with_bars(points)
        chart = alt.layer(*_layers(comparison, points, spans))
        return finish(chart, {"points": points, "spans": spans}, height=ROW_HEIGHT * len(spans), cells=True)


def _layers(comparison: Comparison, points: Sequence[Row], spans: Sequence[Row]) -> list[Any]:
    lines = by_cell(spans)
    sets = list(dict.fromkeys(point["set"] for point in points))
    across = alt.X(
        "score:Q",
        scale=score_scale(points, "score", "bar_from", "bar_to"),
        axis=score_axis(points, "score", title=score_title(comparison)),
    )
    paint = colour(comparison, legend=False, shown=points)
    scale = colour_scale(comparison, shown=points)
    tips = exact(
        ("cell:N", "cell", ""),
        ("set:N", "test set", ""),
        ("score:Q", score_title(comparison), ".4f"),
        ("low:Q", "interval from", ".4f"),
        ("high:Q", "to", ".4f"),
        ("drop_text:N", "change from home", ""),
    )
    shapes = ["circle", "diamond", "square", "triangle-up", "cross", "triangle-down"]
    shape = alt.Shape(
        "set:N",
        scale=alt.Scale(domain=sets, range=[shapes[index % len(shapes)] for index in range(len(sets))]),
        legend=alt.Legend(title="test set"),
    )
    hollow = alt.condition("datum.home", alt.value(1.0), alt.value(0.0))
    return [
        alt.Chart(alt.NamedData("spans"))
        .mark_rule(color=GUIDE, opacity=0.55)
        .encode(y=lines, x=alt.X("least:Q"), x2=alt.X2("most:Q")),
        alt.Chart(alt.NamedData("points"))
        .mark_rule(strokeWidth=5, opacity=0.22, strokeCap="round")
        .encode(y=lines, x=alt.X("bar_from:Q"), x2=alt.X2("bar_to:Q"), color=paint),
        alt.Chart(alt.NamedData("points"))
        .mark_point(size=75, filled=False, strokeWidth=2)
        .encode(
            y=lines,
            x=across,
            stroke=alt.Stroke("model:N", scale=scale, legend=None),
            fill=alt.Fill("model:N", scale=scale, legend=None),
            fillOpacity=hollow,
            shape=shape,
            tooltip=tips,
        ),
    ]
