"""What corrupted images cost each cell."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, score_scale
from suite.report.charts.robustness_rows import clean_and_corrupted_rows
from suite.report.charts.two_states import two_states

__all__ = ["Robustness"]


class Robustness:
    """One line per cell: filled on the test set as it is, hollow on the mean of all its corrupted copies."""

    summary: ClassVar[str] = "Accuracy on the test set as it is and on its corrupted copies, with intervals."
    title: ClassVar[str] = "What corruption costs"
    how_to_read: ClassVar[str] = (
        "The same test examples, corrupted. A filled dot is the test set as it is, a hollow one the mean over all "
        "kinds "
        "and severities of corruption; the longer the line, the more is lost. Pale bars are 95 % intervals."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where nothing was corrupted."""
        dots, spans = clean_and_corrupted_rows(comparison, dataset)
        if not spans:
            return None
        across = alt.X(
            "score:Q", scale=score_scale(dots, "score", "low", "high"), axis=alt.Axis(title="accuracy", format=".2f")
        )
        tips = exact(
            ("cell:N", "cell", ""), ("set:N", "test set", ""), ("score:Q", "accuracy", ".4f"), ("lost:N", "lost", "")
        )
        return two_states(comparison, dots, spans, across=across, state="set", tips=tips)
