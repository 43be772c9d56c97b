"""How much of a score is luck of the seed."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import (
    ROW_HEIGHT,
    by_cell,
    colour,
    exact,
    finish,
    score_axis,
    score_scale,
    with_bars,
)
from suite.report.charts.rows import MOST_ROWS, board, score_title, seed_rows
from suite.report.charts.theme import INK

__all__ = ["Seeds"]


class Seeds:
    """One line per cell: a tick per seed, the mean, and the interval of the leaderboard."""

    summary: ClassVar[str] = "Score of every seed beside the mean and its interval."
    title: ClassVar[str] = "Seeds"
    how_to_read: ClassVar[str] = (
        "A seed fixes the random choices of a fit. Ticks are single seeds, the dot is their mean, the pale bar the "
        "95 % interval of the leaderboard. Ticks far apart: the outcome depends on luck. A linear probe and nearest "
        "neighbours make no random choice: on the same splits their ticks coincide."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no cell has a score."""
        rows = [row for row in board(comparison, dataset) if row["score"] is not None][:MOST_ROWS]
        if not rows:
            return None
        shown = {row["cell"] for row in rows}
        seeds = [row for row in seed_rows(comparison, dataset) if row["cell"] in shown]
        cells = alt.Chart(alt.NamedData("cells"))
        ticks = alt.Chart(alt.NamedData("seeds"))
        down = by_cell(rows, lines=True)
        title = score_title(comparison)
        rows = with_bars(rows)
        across = alt.X(
            "score:Q",
            scale=score_scale(rows, "score", "bar_from", "bar_to", "least", "most"),
            axis=score_axis(rows, "score", title=title),
        )
        paint = colour(comparison, legend=False, shown=rows)
        tips = exact(
            ("cell:N", "cell", ""),
            ("score:Q", f"mean {title}", ".4f"),
            ("low:Q", "interval from", ".4f"),
            ("high:Q", "to", ".4f"),
        )
        seed_tips = exact(("cell:N", "cell", ""), ("seed:N", "seed", ""), ("score:Q", title, ".4f"))
        chart = alt.layer(
            cells.mark_rule(strokeWidth=7, opacity=0.22, strokeCap="round").encode(
                y=down, x=alt.X("bar_from:Q"), x2=alt.X2("bar_to:Q"), color=paint
            ),
            cells.mark_point(shape="circle", size=60).encode(y=down, x=across, color=paint, tooltip=tips),
            ticks.mark_tick(thickness=1.5, size=14, color=INK).encode(y=down, x=across, tooltip=seed_tips),
        )
        return finish(chart, {"cells": rows, "seeds": seeds}, height=ROW_HEIGHT * len(rows), cells=True)
