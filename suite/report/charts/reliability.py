"""Whether a model that says 80 % is right in 80 of 100 cases."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, finish
from suite.report.charts.rows import reliability_rows
from suite.report.charts.theme import GUIDE

__all__ = ["Reliability"]

BLUE = "#0072B2"


class Reliability:
    """Share of right answers by stated confidence, against the diagonal."""

    summary: ClassVar[str] = "Confidence against the share of right answers of one cell."
    title: ClassVar[str] = "Reliability"
    how_to_read: ClassVar[str] = (
        "Dots on the dashed line: confidence can be taken at its word. Below it the model promises too much. "
        "Larger dots hold more examples; lines are 95 % intervals."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, cell: str | None = None) -> Any | None:
        """The chart of a cell (the best when None), or None where it has no predictions."""
        rows = reliability_rows(comparison, cell)
        if not rows:
            return None
        base = alt.Chart(alt.NamedData("reliability"))
        unit = alt.Scale(domain=[0, 1], nice=False)
        across = alt.X("confidence:Q", scale=unit, axis=alt.Axis(title="stated confidence", format="%", tickCount=5))
        up = alt.Y("correct:Q", scale=unit, axis=alt.Axis(title="share right", format="%", tickCount=5))
        tips = exact(
            ("low:Q", "confidence from", ".2f"),
            ("high:Q", "to", ".2f"),
            ("confidence:Q", "mean confidence", ".4f"),
            ("correct:Q", "share right", ".4f"),
            ("from:Q", "interval from", ".4f"),
            ("to:Q", "to", ".4f"),
            ("count:Q", "examples", ","),
        )
        honest = alt.Chart(alt.NamedData("diagonal")).mark_line(strokeDash=[5, 4], strokeWidth=1.5, color=GUIDE)
        size = alt.Size("count:Q", scale=alt.Scale(range=[30, 320], zero=True), legend=None)
        chart = alt.layer(
            honest.encode(x=across, y=up),
            base.mark_rule(color=BLUE, opacity=0.4, strokeWidth=1.5).encode(
                x=across, y=alt.Y("from:Q"), y2=alt.Y2("to:Q")
            ),
            base.mark_point(shape="circle", color=BLUE, opacity=0.9).encode(x=across, y=up, size=size, tooltip=tips),
        )
        diagonal = [{"confidence": 0.0, "correct": 0.0}, {"confidence": 1.0, "correct": 1.0}]
        return finish(chart, {"reliability": rows, "diagonal": diagonal}, height=430, square=520, labels=70)
