"""How fast models fall as corruption grows."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import colour, exact, finish, score_scale
from suite.report.charts.robustness_rows import severity_rows

__all__ = ["Severity"]


class Severity:
    """One panel per corruption, one line for the best cell of each model, from no corruption to the strongest."""

    summary: ClassVar[str] = "Accuracy by severity for each corruption, best cell of each model."
    title: ClassVar[str] = "By severity"
    how_to_read: ClassVar[str] = (
        "Accuracy as the corruption grows; 0 is the test set as it is. The best cell of each model, with 95 % "
        "intervals."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where nothing was corrupted."""
        rows = severity_rows(comparison, dataset)
        if not rows:
            return None
        names = list(dict.fromkeys(row["corruption"] for row in rows))
        steps = sorted({row["severity"] for row in rows})
        base = alt.Chart()
        across = alt.X(
            "severity:Q", scale=alt.Scale(nice=False), axis=alt.Axis(title="severity", values=steps, format="d")
        )
        up = alt.Y("score:Q", scale=score_scale(rows, "score", "low", "high"), axis=alt.Axis(title=None, format=".2f"))
        paint = colour(comparison, shown=rows)
        tips = exact(
            ("cell:N", "cell", ""),
            ("corruption:N", "corruption", ""),
            ("severity:Q", "severity", "d"),
            ("score:Q", "accuracy", ".4f"),
            ("low:Q", "interval from", ".4f"),
            ("high:Q", "to", ".4f"),
        )
        layers = (
            base.mark_rule(strokeWidth=4, opacity=0.22, strokeCap="round").encode(
                x=across, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=paint
            ),
            base.mark_line(strokeWidth=2).encode(x=across, y=up, color=paint),
            base.mark_point(size=40, shape="circle").encode(x=across, y=up, color=paint, tooltip=tips),
        )
        panels = alt.layer(*layers, data=alt.NamedData("severity")).properties(height=150, width=180)
        chart = panels.facet(facet=alt.Facet("corruption:N", sort=names, title=None), columns=min(3, len(names)))
        return finish(chart, {"severity": rows}, panel=225, margin=52)
