"""Which class was taken for which, for one cell."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, finish
from suite.report.charts.rows import confusion_rows
from suite.report.charts.theme import STRONG_INK

__all__ = ["ConfusionMatrix"]

FILL = "#00568A"
MOST_NUMBERS = 20
"""With more classes the numbers would not fit into their squares; tool tips have them."""


class ConfusionMatrix:
    """True classes down, predicted classes across; a stronger colour is a larger share of the true class."""

    summary: ClassVar[str] = "Counts of true against predicted classes of one cell."
    title: ClassVar[str] = "Confusion matrix"
    how_to_read: ClassVar[str] = (
        "Each line is a true class, each column what the model said; a stronger colour is a larger share of the line. "
        "Everything off the diagonal is a mistake."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, cell: str | None = None) -> Any | None:
        """The chart of a cell (the best when None), or None where it has no predictions."""
        found = confusion_rows(comparison, cell)
        if found is None:
            return None
        classes, rows = found
        base = alt.Chart(alt.NamedData("confusion_matrix"))
        across = alt.X(
            "predicted:N", sort=list(classes), axis=alt.Axis(title="predicted", grid=False, labelAngle=_angle(classes))
        )
        down = alt.Y("truth:N", sort=list(classes), axis=alt.Axis(title="true", grid=False))
        tips = exact(
            ("truth:N", "true", ""),
            ("predicted:N", "predicted", ""),
            ("count:Q", "examples", ","),
            ("share:Q", "share of the true class", ".1%"),
        )
        # Two steps of darkness, so that the number on a square always has enough contrast.
        darkness = alt.Opacity(
            "share:Q", scale=alt.Scale(domain=[0, 0.5, 0.5001, 1], range=[0.1, 0.4, 0.86, 1.0]), legend=None
        )
        squares = base.mark_rect(color=FILL).encode(x=across, y=down, opacity=darkness, tooltip=tips)
        layers = [squares]
        if len(classes) <= MOST_NUMBERS:
            ink = alt.condition("datum.share > 0.5", alt.value("#ffffff"), alt.value(STRONG_INK))
            layers.append(base.mark_text(fontSize=11.5).encode(x=across, y=down, text=alt.Text("count:Q"), color=ink))
        chart = alt.layer(*layers)
        return finish(
            chart, {"confusion_matrix": rows}, height=430, square=520, labels=_labels(classes), by_classes=True
        )


def _angle(classes: tuple[str, ...]) -> int:
    return 0 if max(map(len, classes)) * len(classes) <= 60 else -45


def _labels(classes: tuple[str, ...]) -> int:
    """Pixels that the labels take beside the squares."""
    return 60 + 7 * min(12, max(map(len, classes)))
