"""What a smaller search would have found."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import colour, exact, finish, score_axis, score_scale
from suite.report.charts.rows import MOST_CURVES, Row, all_strategies

__all__ = ["ExpectedBest"]


class ExpectedBest:
    """One panel per strategy, one line per model: the expected best of k settings."""

    summary: ClassVar[str] = "Expected best validation score by the number of settings tried."
    title: ClassVar[str] = "Smaller searches"
    how_to_read: ClassVar[str] = (
        "The best validation score to expect had only so many of the settings been tried. A line that is flat at its "
        "end would gain little from a longer search; where lines cross, the ranking depends on the budget."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where nothing was searched."""
        rows = _rows(comparison, dataset or (comparison.datasets[0] if comparison.datasets else ""))
        if not rows:
            return None
        used = {row["strategy"] for row in rows}
        order = [name for name in all_strategies(comparison) if name in used]
        across = alt.X("tried:Q", scale=alt.Scale(nice=False), axis=alt.Axis(title="settings tried", format="d"))
        up = alt.Y("score:Q", scale=score_scale(rows, "score"), axis=score_axis(rows, "score"))
        tips = exact(
            ("model:N", "model", ""),
            ("strategy:N", "strategy", ""),
            ("tried:Q", "settings tried", "d"),
            ("score:Q", "expected best", ".4f"),
        )
        base = alt.Chart().encode(x=across, y=up, color=colour(comparison, shown=rows))
        layers = (
            base.mark_line(strokeWidth=2, interpolate="monotone"),
            base.mark_point(size=30, filled=True, shape="circle").encode(tooltip=tips),
        )
        panels = alt.layer(*layers, data=alt.NamedData("searches")).properties(height=200, width=180)
        chart = panels.facet(facet=alt.Facet("strategy:N", sort=order, title=None), columns=min(3, len(order)))
        # Twenty strengths of a probe and four learning rates have no number of tries in common.
        chart = chart.resolve_scale(x="independent")
        return finish(chart, {"searches": rows}, panel=225, margin=52)


def _rows(comparison: Comparison, dataset: str) -> list[Row]:
    """One row per cell and number of settings, of the first models in the ranking."""
    cells = [cell for cell in comparison.cells if cell.dataset == dataset and len(cell.ledger.expected_best) > 1]
    models = list(dict.fromkeys(cell.model for cell in cells))[:MOST_CURVES]
    return [
        {"model": cell.model, "strategy": cell.strategy, "tried": size, "score": value}
        for cell in cells
        if cell.model in models
        for size, value in enumerate(cell.ledger.expected_best, start=1)
    ]
