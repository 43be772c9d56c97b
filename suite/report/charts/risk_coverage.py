"""What is gained by answering only where the model is sure."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import colour, exact, finish, score_scale
from suite.report.charts.robustness_rows import risk_rows

__all__ = ["RiskCoverage"]


class RiskCoverage:
    """One line for the best cell of each model: wrong answers among the surest ones."""

    summary: ClassVar[str] = "Share of wrong answers among the surest examples, best cell of each model."
    title: ClassVar[str] = "Answering only when sure"
    how_to_read: ClassVar[str] = (
        "Left, only the examples that a model is surest of are answered; right, all of them. The height is the share "
        "of wrong answers. A line that falls steeply to the left belongs to a model that knows when it errs."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no predictions were kept."""
        rows = risk_rows(comparison, dataset)
        if not rows:
            return None
        base = alt.Chart(alt.NamedData("risk"))
        across = alt.X(
            "coverage:Q",
            scale=alt.Scale(domain=[0, 1], nice=False),
            axis=alt.Axis(title="share that is answered", format="%"),
        )
        up = alt.Y(
            "risk:Q", scale=score_scale([*rows, {"risk": 0.0}], "risk"), axis=alt.Axis(title="share wrong", format="%")
        )
        paint = colour(comparison, shown=rows)
        tips = exact(
            ("cell:N", "cell", ""),
            ("coverage:Q", "answered", ".0%"),
            ("risk:Q", "of these wrong", ".1%"),
            ("area:Q", "area under the curve", ".4f"),
        )
        chart = alt.layer(
            base.mark_line(strokeWidth=2).encode(x=across, y=up, color=paint),
            base.mark_point(size=60, opacity=0, shape="circle").encode(x=across, y=up, color=paint, tooltip=tips),
        )
        return finish(chart, {"risk": rows}, height=300)
