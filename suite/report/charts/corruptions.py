"""Which kind of corruption hurts which cell."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, finish
from suite.report.charts.robustness_rows import lost_rows
from suite.report.charts.theme import STRONG_INK

__all__ = ["Corruptions"]

FILL = "#00568A"
ROW = 24
MOST_NUMBERS = 12
"""With more corruptions the numbers would not fit into their squares; tool tips have them."""


class Corruptions:
    """Cells down, corruptions across; a stronger colour is a larger loss."""

    summary: ClassVar[str] = "Points of accuracy lost by each cell under each corruption, mean over severities."
    title: ClassVar[str] = "By kind of corruption"
    how_to_read: ClassVar[str] = (
        "Points of accuracy lost under each kind of corruption, mean over severities. "
        "A stronger colour is a larger loss."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where nothing was corrupted."""
        rows = lost_rows(comparison, dataset)
        if not rows:
            return None
        names = list(dict.fromkeys(row["corruption"] for row in rows))
        cells = list(dict.fromkeys(row["cell"] for row in rows))
        base = alt.Chart(alt.NamedData("lost"))
        across = alt.X("corruption:N", sort=names, axis=alt.Axis(title=None, grid=False, orient="top", labelAngle=-35))
        down = alt.Y("cell:N", sort=cells, axis=alt.Axis(title=None, grid=False, labelLimit=260))
        tips = exact(
            ("cell:N", "cell", ""),
            ("corruption:N", "corruption", ""),
            ("exact:N", "lost", ""),
            ("accuracy:Q", "accuracy", ".4f"),
        )
        # Two steps of darkness, so that the number on a square always has enough contrast.
        darkness = alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 0.5, 0.5001, 1], range=[0.06, 0.4, 0.86, 1.0]), legend=None
        )
        layers = [base.mark_rect(color=FILL).encode(x=across, y=down, opacity=darkness, tooltip=tips)]
        if len(names) <= MOST_NUMBERS:
            ink = alt.condition("datum.share > 0.5", alt.value("#ffffff"), alt.value(STRONG_INK))
            layers.append(base.mark_text(fontSize=11.5).encode(x=across, y=down, text=alt.Text("text:N"), color=ink))
        return finish(alt.layer(*layers), {"lost": rows}, height=ROW * len(cells), cells=True)
