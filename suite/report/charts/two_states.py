"""One line per cell with a filled dot for one state and a hollow one for another: what a change costs or brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, colour_scale, finish
from suite.report.charts.rows import Row
from suite.report.charts.theme import GUIDE

__all__ = ["two_states"]

SHAPES = ("circle", "diamond")


def two_states(
    comparison: Comparison,
    dots: Sequence[Row],
    spans: Sequence[Row],
    *,
    across: alt.X,
    state: str,
    tips: Sequence[alt.Tooltip],
) -> Any:
    """The chart.

    Args:
        comparison: For the colours.
        dots: Rows with ``cell``, ``model``, ``home`` (whether the dot is filled), the fields of ``across`` and
            ``state``; ``low`` and ``high`` where there is an interval.
        spans: Rows with ``cell``, ``least`` and ``most``.
        across: The horizontal channel.
        state: Field with the name of the state, for the legend.
        tips: Tool tips of the dots.
    """
    lines = by_cell(spans)
    states = list(dict.fromkeys(dot[state] for dot in dots))
    scale = colour_scale(comparison)
    base = alt.Chart(alt.NamedData("dots"))
    layers = [
        alt.Chart(alt.NamedData("spans"))
        .mark_rule(color=GUIDE, opacity=0.55)
        .encode(y=lines, x=alt.X("least:Q"), x2=alt.X2("most:Q")),
        base.mark_point(size=75, filled=False, strokeWidth=2).encode(
            y=lines,
            x=across,
            stroke=alt.Stroke("model:N", scale=scale, legend=None),
            fill=alt.Fill("model:N", scale=scale, legend=None),
            fillOpacity=alt.condition("datum.home", alt.value(1.0), alt.value(0.0)),
            shape=alt.Shape(
                f"{state}:N",
                scale=alt.Scale(domain=states, range=[SHAPES[index % 2] for index in range(len(states))]),
                legend=alt.Legend(title=None),
            ),
            tooltip=list(tips),
        ),
    ]
    if any(dot.get("low") is not None for dot in dots):
        bars = base.mark_rule(strokeWidth=5, opacity=0.22, strokeCap="round")
        layers.insert(
            1, bars.encode(y=lines, x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=colour(comparison, legend=False))
        )
    data = {"dots": dots, "spans": spans}
    return finish(alt.layer(*layers), data, height=ROW_HEIGHT * len(spans), cells=True)
