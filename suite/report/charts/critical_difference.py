"""Mean ranks over several data sets, and which of them cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, exact, finish, shape
from suite.report.charts.method_rows import group_rows, guide_rows, method_rows, rank_axis, rank_scale, title_of
from suite.report.charts.rows import Row
from suite.report.charts.theme import GUIDE, INK

__all__ = ["CriticalDifference"]

RULER = "critical difference"


class CriticalDifference:
    """The diagram of Demšar (2006), with all names on one side, so that none collide on a narrow page.

    From each name a line leads to its mean rank and up to the axis.  A bar begins in the line of the best method of
    a group and crosses the uprights of all others that cannot be told apart from it.
    """

    summary: ClassVar[str] = "Mean ranks over data sets, with bars that join what cannot be told apart."
    title: ClassVar[str] = "Critical difference"
    how_to_read: ClassVar[str] = (
        "Each method stands at its mean rank; further left is better. A thick bar joins methods that cannot be told "
        "apart by their mean ranks: those whose dot it touches or whose upright it crosses. The ruler at the foot is "
        "how far apart two mean ranks must be (Nemenyi's test)."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where there is one data set, or too few for a test. It is of all data sets together."""
        across = comparison.across
        if across is None or across.nemenyi is None:
            return None
        rows = method_rows(across)
        wide = across.nemenyi.critical_difference
        ends = rank_scale(rows[0]["mean_rank"], rows[-1]["mean_rank"], room=wide)
        ruler = [{"cell": RULER, "from": ends[0], "to": ends[0] + wide, "text": f"{wide:.2f}"}]
        data = {
            "methods": rows,
            "guides": guide_rows(rows, ends),
            "groups": group_rows(across, rows, ends),
            "ruler": ruler,
        }
        title = title_of(across, "mean rank over")
        chart = alt.layer(*_layers(comparison, [*rows, *ruler], rows, ends, title))
        return finish(chart, data, height=ROW_HEIGHT * (len(rows) + 1), cells=True)


def _layers(
    comparison: Comparison, lines: Sequence[Row], rows: Sequence[Row], ends: tuple[float, float], title: str
) -> list[Any]:
    down = by_cell(lines)
    axis = rank_axis(ends, title)
    scale = alt.Scale(domain=list(ends), nice=False, zero=False)

    def across(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis)

    tips = exact(
        ("model:N", "model", ""),
        ("strategy:N", "strategy", ""),
        ("mean_rank:Q", "mean rank", ".3f"),
        ("over:N", "over", ""),
        ("score:Q", "mean score", ".4f"),
        ("win_rate:Q", "contests won", ".1%"),
    )
    guides = _of("guides")
    ruler = _of("ruler")
    return [
        guides.mark_rule(color=GUIDE, strokeWidth=1, opacity=0.6).encode(
            y=down, x=across("edge"), x2=alt.X2("mean_rank:Q")
        ),
        guides.mark_rule(color=GUIDE, strokeWidth=1, opacity=0.6).encode(
            x=across("mean_rank"), y=down, y2=alt.Y2Value(0)
        ),
        _of("groups")
        .mark_rule(color=INK, strokeWidth=4.5, strokeCap="round")
        .encode(y=down, x=across("from"), x2=alt.X2("to:Q"), tooltip=exact(("joined:N", "cannot be told apart", ""))),
        _of("methods")
        .mark_point(size=95)
        .encode(
            y=down,
            x=across("mean_rank"),
            color=colour(comparison, legend=False, shown=rows),
            shape=shape(comparison, shown=rows),
            tooltip=tips,
        ),
        ruler.mark_rule(color=INK, strokeWidth=1.5).encode(y=down, x=across("from"), x2=alt.X2("to:Q")),
        ruler.mark_tick(color=INK, thickness=1.5, size=9).encode(y=down, x=across("from")),
        ruler.mark_tick(color=INK, thickness=1.5, size=9).encode(y=down, x=across("to")),
        ruler.mark_text(align="left", dx=7, color=INK).encode(y=down, x=across("to"), text=alt.Text("text:N")),
    ]


def _of(data: str) -> Any:
    return alt.Chart(alt.NamedData(data))
