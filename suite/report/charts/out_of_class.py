"""Whether models are less sure of what belongs to none of their classes."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, exact, finish, score_scale
from suite.report.charts.robustness_rows import aware_rows
from suite.report.charts.theme import GUIDE, SHAPES

__all__ = ["OutOfClass"]


class OutOfClass:
    """One line per cell, one dot per out-of-class set: how well confidence tells it from the test set."""

    summary: ClassVar[str] = "How well confidence tells known classes from others (AUROC), with intervals."
    title: ClassVar[str] = "Unknown classes"
    how_to_read: ClassVar[str] = (
        "The chance that a test example is given more confidence than an example of a class that was never learned. "
        "At 1.00 confidence tells them apart every time, at 0.50 (the dashed line) it tells nothing. "
        "Pale bars are 95 % intervals."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no out-of-class set was shown."""
        rows = aware_rows(comparison, dataset)
        if not rows:
            return None
        lines = by_cell(rows, lines=True)
        sets = list(dict.fromkeys(row["set"] for row in rows))
        scale = score_scale([*rows, {"auroc": 0.5}], "auroc", "low", "high")
        across = alt.X("auroc:Q", scale=scale, axis=alt.Axis(title="AUROC", format=".2f"))
        paint = colour(comparison, legend=False)
        shapes = alt.Shape(
            "set:N",
            scale=alt.Scale(domain=sets, range=[SHAPES[index % len(SHAPES)] for index in range(len(sets))]),
            legend=alt.Legend(title="unknown classes of"),
        )
        tips = exact(
            ("cell:N", "cell", ""),
            ("set:N", "unknown classes of", ""),
            ("auroc:Q", "AUROC", ".4f"),
            ("low:Q", "interval from", ".4f"),
            ("high:Q", "to", ".4f"),
            ("passing:N", "pass at 95 % of known", ""),
        )
        base = alt.Chart(alt.NamedData("aware"))
        guess = alt.Chart(alt.NamedData("guess")).mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=GUIDE)
        chart = alt.layer(
            guess.encode(x=alt.X("auroc:Q", scale=scale)),
            base.mark_rule(strokeWidth=5, opacity=0.22, strokeCap="round").encode(
                y=lines, x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=paint
            ),
            base.mark_point(size=75).encode(y=lines, x=across, color=paint, shape=shapes, tooltip=tips),
        )
        height = ROW_HEIGHT * len({row["cell"] for row in rows})
        return finish(chart, {"aware": rows, "guess": [{"auroc": 0.5}]}, height=height, cells=True)
