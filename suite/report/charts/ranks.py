"""The ranks of each method on every data set, around their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import ROW_HEIGHT, by_cell, colour, exact, finish, shape
from suite.report.charts.method_rows import method_rows, rank_axis, rank_rows, rank_scale, title_of
from suite.report.charts.rows import Row
from suite.report.charts.theme import STRONG_INK

__all__ = ["Ranks"]


class Ranks:
    """One line per method: a symbol per rank, larger where it has that rank more often; a tick at the mean."""

    summary: ClassVar[str] = "Rank of every method on each data set, and the mean rank."
    title: ClassVar[str] = "Rank on each data set"
    how_to_read: ClassVar[str] = (
        "Rank 1 is the best method of a data set. The larger a symbol, the more data sets give the method that rank; "
        "pointing at it names them. The tick is the mean rank. Symbols far apart: good on some data sets only."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where there is one data set or nothing to compare. It is of all data sets together."""
        across = comparison.across
        if across is None or not across.methods:
            return None
        means, ranks = method_rows(across), rank_rows(across)
        ends = rank_scale(1.0, max(row["rank"] for row in ranks))
        chart = alt.layer(*_layers(comparison, means, ranks, ends, title_of(across, "rank on each of")))
        return finish(chart, {"means": means, "ranks": ranks}, height=ROW_HEIGHT * len(means), cells=True)


def _layers(
    comparison: Comparison, means: Sequence[Row], ranks: Sequence[Row], ends: tuple[float, float], title: str
) -> list[Any]:
    down = by_cell(means, lines=True)
    scale = alt.Scale(domain=[ends[0] - 0.5, ends[1] + 0.5], nice=False, zero=False)
    axis = rank_axis(ends, title)
    most = max(row["count"] for row in ranks)
    tips = exact(("cell:N", "method", ""), ("rank:Q", "rank", "~g"), ("count:Q", "times", ""), ("where:N", "on", ""))
    mean_tips = exact(("cell:N", "method", ""), ("mean_rank:Q", "mean rank", ".3f"), ("over:N", "over", ""))
    area = alt.Scale(type="linear", domain=[0, max(most, 3)], range=[0, 190])
    return [
        alt.Chart(alt.NamedData("ranks"))
        .mark_point(opacity=0.75, strokeWidth=0)
        .encode(
            y=down,
            x=alt.X("rank:Q", scale=scale, axis=axis),
            color=colour(comparison, legend=False, shown=means),
            shape=shape(comparison, shown=means),
            size=alt.Size("count:Q", scale=area, legend=None),
            tooltip=tips,
        ),
        alt.Chart(alt.NamedData("means"))
        .mark_tick(thickness=2, size=18, color=STRONG_INK)
        .encode(y=down, x=alt.X("mean_rank:Q", scale=scale, axis=axis), tooltip=mean_tips),
    ]
