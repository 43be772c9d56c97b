"""What each model weighs, in five measures side by side."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, colour, exact, finish
from suite.report.charts.rows import Row, complexity_rows

__all__ = ["Complexity"]

MEASURES = ("parameters", "MACs", "size on disk", "median latency", "peak memory")


class Complexity:
    """One panel per measure, one line per model, a dot on a log scale with its number beside it."""

    summary: ClassVar[str] = "Parameters, MACs, file size, latency and memory of each model."
    title: ClassVar[str] = "Complexity"
    how_to_read: ClassVar[str] = (
        "Further left is lighter. Scales are logarithmic: equal distances are equal ratios. MACs are the "
        "multiplications of one prediction; twice as many floating-point operations."
    )

    @classmethod
    def build(cls, comparison: Comparison) -> Any | None:
        """The chart, or None where nothing was measured."""
        rows = complexity_rows(comparison)
        if not rows:
            return None
        models = list(dict.fromkeys(row["model"] for row in rows))
        base = alt.Chart()
        lines = alt.Y("model:N", sort=models, axis=alt.Axis(title=None, grid=True))
        across = alt.X("value:Q", scale=alt.Scale(type="log", nice=False, padding=36), axis=None)
        dots = base.mark_point(shape="circle", size=85).encode(
            y=lines, x=across, color=colour(comparison, legend=False, shown=rows), tooltip=_tips()
        )
        numbers = base.mark_text(dy=-11, fontSize=11.5).encode(y=lines, x=across, text=alt.Text("text:N"))
        panels = alt.layer(dots, numbers, data=alt.NamedData("models")).properties(
            height=(ROW_HEIGHT + 10) * len(models), width=150
        )
        chart = panels.facet(facet=alt.Facet("measure:N", sort=list(MEASURES), title=None), columns=3)
        chart = chart.resolve_scale(x="independent")
        return finish(chart, {"models": rows}, panel=240, margin=_margin(rows))


def _tips() -> list[alt.Tooltip]:
    return exact(("model:N", "model", ""), ("measure:N", "measure", ""), ("exact:N", "exactly", ""))


def _margin(rows: list[Row]) -> int:
    """Pixels that the models' names take beside each row of panels, shared among its columns."""
    return 26 + max(len(row["model"]) for row in rows) * 7 // 3
