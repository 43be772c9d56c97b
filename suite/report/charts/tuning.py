"""Every setting that was tried, and the one that was taken."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, exact, finish, score_axis, score_scale
from suite.report.charts.rows import candidate_rows

__all__ = ["Tuning"]


class Tuning:
    """One line per cell, a dot for each candidate on its validation score; the chosen one is filled."""

    summary: ClassVar[str] = "Validation scores of all candidates of every search."
    title: ClassVar[str] = "Candidates"
    how_to_read: ClassVar[str] = (
        "Each dot is one fit of one setting, placed by its validation score; filled: the setting that was chosen."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where nothing was searched."""
        rows = candidate_rows(comparison, dataset)
        if not rows:
            return None
        base = alt.Chart(alt.NamedData("candidates"))
        down = by_cell(rows, lines=True)
        paint = colour(comparison, legend=False, shown=rows)
        across = alt.X(
            "score:Q", scale=score_scale(rows, "score"), axis=score_axis(rows, "score", title="validation score")
        )
        tips = exact(
            ("cell:N", "cell", ""),
            ("setting:N", "setting", ""),
            ("score:Q", "validation score", ".4f"),
            ("epochs:Q", "epochs", "d"),
            ("seconds:Q", "seconds", ",.3~g"),
        )
        chart = alt.layer(
            base.mark_point(shape="circle", filled=False, size=55, strokeWidth=1.5, opacity=0.65)
            .encode(x=across, y=down, color=paint, tooltip=tips)
            .transform_filter("!datum.chosen"),
            base.mark_point(shape="circle", size=95)
            .encode(x=across, y=down, color=paint, tooltip=tips)
            .transform_filter("datum.chosen"),
        )
        return finish(chart, {"candidates": rows}, height=ROW_HEIGHT * len({row["cell"] for row in rows}), cells=True)
