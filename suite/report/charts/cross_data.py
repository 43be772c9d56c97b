"""Trained on one data set, tested on another."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, finish
from suite.report.charts.robustness_rows import cross_rows
from suite.report.charts.theme import STRONG_INK

__all__ = ["CrossData"]

FILL = "#00568A"
ROW = 34
MOST_NUMBERS = 6
"""With more data sets the numbers would not fit into their squares; tool tips have them."""


class CrossData:
    """One panel per method: the data set of the training down, that of the test across."""

    summary: ClassVar[str] = "Score of every method on every data set, by the one it was trained on."
    title: ClassVar[str] = "Across data"
    how_to_read: ClassVar[str] = (
        "Each line is a data set that was trained on, each column one that was tested on. Off the diagonal only the "
        "classes that both have are tested, so a number there is not to be held against the diagonal; the table has "
        "the fair comparison. 'none' is a pair that shares fewer than two classes."
    )

    @classmethod
    def build(cls, comparison: Comparison) -> Any | None:
        """The chart, or None where data sets were not crossed."""
        rows = cross_rows(comparison)
        if not rows:
            return None
        sets = [name for name in comparison.datasets if any(row["home"] == name for row in rows)]
        base = alt.Chart()
        across = alt.X(
            "tested:N", sort=sets, axis=alt.Axis(title="tested on", grid=False, labelAngle=-35, labelOverlap=False)
        )
        down = alt.Y("home:N", sort=sets, axis=alt.Axis(title=None, grid=False, labelLimit=120))
        tips = exact(
            ("method:N", "method", ""),
            ("home:N", "trained on", ""),
            ("tested:N", "tested on", ""),
            ("score:Q", comparison.headline.label, ".4f"),
            ("note:N", "classes", ""),
        )
        darkness = alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 0.5, 0.5001, 1], range=[0.04, 0.4, 0.86, 1.0]), legend=None
        )
        layers = [base.mark_rect(color=FILL).encode(x=across, y=down, opacity=darkness, tooltip=tips)]
        if len(sets) <= MOST_NUMBERS:
            ink = alt.condition("datum.share > 0.5", alt.value("#ffffff"), alt.value(STRONG_INK))
            layers.append(base.mark_text(fontSize=11.5).encode(x=across, y=down, text=alt.Text("text:N"), color=ink))
        panels = alt.layer(*layers, data=alt.NamedData("cross")).properties(height=ROW * len(sets), width=180)
        methods = list(dict.fromkeys(row["method"] for row in rows))
        chart = panels.facet(facet=alt.Facet("method:N", sort=methods, title=None), columns=min(3, len(methods)))
        return finish(chart, {"cross": rows}, panel=225, margin=80)
