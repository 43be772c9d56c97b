"""Which classes are hard, and for whom."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, colour, exact, finish, score_scale
from suite.report.charts.rows import per_class_rows

__all__ = ["PerClass"]


class PerClass:
    """One line per class, hardest first; one dot per model, in its best cell."""

    summary: ClassVar[str] = "F1 of every class for each model's best cell."
    title: ClassVar[str] = "Per class"
    how_to_read: ClassVar[str] = (
        "F1 (the balance of precision and recall) of each class, for the best cell of each model; "
        "the hardest class stands first."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no cell has scores per class."""
        rows = per_class_rows(comparison, dataset)
        if not rows:
            return None
        names = list(dict.fromkeys(row["class"] for row in rows))
        base = alt.Chart(alt.NamedData("classes"))
        down = alt.Y("class:N", sort=names, axis=alt.Axis(title=None, grid=True))
        across = alt.X("f1:Q", scale=score_scale(rows, "f1"), axis=alt.Axis(title="F1", format=".2f"))
        tips = exact(
            ("class:N", "class", ""),
            ("cell:N", "cell", ""),
            ("f1:Q", "F1", ".4f"),
            ("precision:Q", "precision", ".4f"),
            ("recall:Q", "recall", ".4f"),
            ("support:Q", "examples", ","),
        )
        chart = base.mark_point(shape="circle", size=75, opacity=0.9).encode(
            x=across, y=down, color=colour(comparison, shown=rows), tooltip=tips
        )
        return finish(chart, {"classes": rows}, height=ROW_HEIGHT * len(names))
