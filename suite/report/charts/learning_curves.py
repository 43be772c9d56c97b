"""Validation score by epoch."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import colour, exact, finish, score_scale
from suite.report.charts.rows import all_strategies, curve_rows

__all__ = ["LearningCurves"]

FEW_EPOCHS = 6


class LearningCurves:
    """One panel per strategy, one line per model: the mean over seeds, and a band from the least to the most."""

    summary: ClassVar[str] = "Validation accuracy by epoch, mean and spread over seeds."
    title: ClassVar[str] = "Learning curves"
    how_to_read: ClassVar[str] = (
        "Accuracy on the validation set after each epoch. The line is the mean over seeds, the band spans them. "
        "A line that still climbs at its end would gain from more epochs."
    )

    @classmethod
    def reading(cls, comparison: Comparison) -> str:
        """How to read it, where models write too."""
        if comparison.answers != "text":
            return cls.how_to_read
        right = "Share of the reference's next tokens that the model would have chosen, on the validation set"
        return cls.how_to_read.replace("Accuracy on the validation set", right, 1)

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no strategy has epochs (probes do not)."""
        rows = curve_rows(comparison, dataset)
        if not rows:
            return None
        used = {row["strategy"] for row in rows}
        order = [name for name in all_strategies(comparison) if name in used]
        base = alt.Chart()
        epoch = alt.X("epoch:Q", scale=alt.Scale(nice=False), axis=_epoch_axis(max(row["epoch"] for row in rows)))
        up = alt.Y("score:Q", scale=score_scale(rows, "low", "high"), axis=alt.Axis(title=None, format=".2f"))
        paint = colour(comparison, shown=rows)
        tips = exact(
            ("model:N", "model", ""),
            ("strategy:N", "strategy", ""),
            ("epoch:Q", "epoch", "d"),
            ("score:Q", "mean", ".4f"),
            ("low:Q", "least of the seeds", ".4f"),
            ("high:Q", "most", ".4f"),
        )
        layers = (
            base.mark_area(opacity=0.16).encode(x=epoch, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=paint),
            base.mark_line(strokeWidth=2).encode(x=epoch, y=up, color=paint),
            base.mark_point(size=60, opacity=0, shape="circle").encode(x=epoch, y=up, color=paint, tooltip=tips),
        )
        panels = alt.layer(*layers, data=alt.NamedData("curves")).properties(height=220, width=180)
        chart = panels.facet(facet=alt.Facet("strategy:N", sort=order, title=None), columns=min(3, len(order)))
        return finish(chart, {"curves": rows}, panel=225, margin=52)


def _epoch_axis(last: int) -> alt.Axis:
    """Whole epochs only: with few of them the axis would mark halves and print them as wholes."""
    if last <= FEW_EPOCHS:
        return alt.Axis(title="epoch", values=list(range(1, last + 1)), format="d")
    return alt.Axis(title="epoch", tickMinStep=1, format="d")
